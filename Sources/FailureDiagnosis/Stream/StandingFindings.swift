/// The root causes in followed logs that wait whether the training goes on, and those that were told lately.
struct StandingFindings {
    /// How many steps the training must make after a line to have survived it, as in a diagnosis (`ProgressBoundary`).
    private static let steps = 3
    private static let uncounted = 6
    /// How long a root cause that was told can still be withdrawn.
    private static let longest: Duration = .seconds(600)
    /// More are not tracked; they count at once.
    private static let most = 1000

    private var waiting: [WaitingFinding.Key: WaitingFinding] = [:]

    /// - Returns: whether it is new.
    mutating func add(_ finding: WaitingFinding) -> Bool {
        guard var known = waiting[finding.key], !known.isTold else {
            waiting[finding.key] = finding
            if waiting.count > Self.most, let oldest = waiting.values.first(where: \.isTold) {
                waiting[oldest.key] = nil
            }
            return true
        }
        known.count += finding.count
        // The steps must come after the last such line.
        known.steps = [:]
        waiting[finding.key] = known
        return false
    }

    /// The wait is over.
    ///
    /// - Returns: the finding, unless the training went on.
    mutating func settle(_ key: WaitingFinding.Key, at now: ContinuousClock.Instant) -> WaitingFinding? {
        guard let finding = waiting[key], !finding.isTold else { return nil }
        waiting[key]?.told = now
        return finding
    }

    /// - Parameter steps: the training's steps in a log, after the last root cause in these lines.
    /// - Returns: what the training survived, and whether nothing is left to look for.
    mutating func advance(
        _ steps: [ProgressLine], of path: String, at now: ContinuousClock.Instant
    ) -> (overcome: [WaitingFinding], isDone: Bool) {
        var overcome: [WaitingFinding] = []
        for (key, var finding) in waiting {
            if let told = finding.told, now - told > Self.longest {
                waiting[key] = nil
                continue
            }
            guard finding.isKernels || finding.path == path, !steps.isEmpty else { continue }
            if steps.contains(where: { finding.advance($0) >= ($0.counts.isEmpty ? Self.uncounted : Self.steps) }) {
                overcome.append(finding)
                waiting[key] = nil
            } else {
                waiting[key] = finding
            }
        }
        return (overcome, waiting.isEmpty)
    }
}

/// A root cause in a followed log that may yet turn out to be none.
struct WaitingFinding {
    struct Key: Hashable {
        let rule: Int
        let path: String
    }

    let rule: Int
    let path: String
    /// Whether the kernel wrote it, so that the steps in any log count.
    let isKernels: Bool
    let text: String
    var count: Int
    /// When it was read, in seconds since 1970.
    let seconds: Int64
    var told: ContinuousClock.Instant?
    /// The last line of each form of progress, and how many steps it has made.
    var steps: [Int: (line: ProgressLine, count: Int)] = [:]

    var key: Key { Key(rule: rule, path: path) }
    var isTold: Bool { told != nil }

    /// - Returns: how many steps were made in lines of this form.
    mutating func advance(_ step: ProgressLine) -> Int {
        guard let last = steps[step.shape] else {
            steps[step.shape] = (step, 1)
            return 1
        }
        guard last.line.isBefore(step) else { return last.count }
        steps[step.shape] = (step, last.count + 1)
        return last.count + 1
    }
}

/// A line of a followed log that may be a root cause, and is to be reported.
struct RootCauseAlarm {
    let rule: Rule
    let text: String
    /// How many lines of the rule went unreported since the last report.
    let suppressed: Int
}
