private import SystemSupport
package import ZMQBridge

/// What one look at the publishers of some state directories has found.
package struct TopLook: Sendable {
    /// As `arobust status` shows them; of a publisher that does not run or says nothing there is none.
    package var reports: [StatusReport] = []
    /// Why others say nothing, a sentence each.
    package var absences: [String] = []
    /// The last line of each training's log, as far as this user may read it.
    package var lastLines: [String: String] = [:]
    /// When it was, in seconds of a clock that does not jump.
    package var at: Double
    /// When it was, in seconds since 1970.
    package var time: Int64

    package init(at: Double, time: Int64) {
        self.at = at
        self.time = time
    }

    /// This look; where it has found nobody, with what an earlier one saw, so that one can still read it.
    package func keeping(_ earlier: TopLook?) -> TopLook {
        guard reports.isEmpty, let earlier, !earlier.reports.isEmpty else { return self }
        var look = self
        look.reports = earlier.reports
        look.lastLines = earlier.lastLines
        let time = TimeText.write(earlier.reports[0].status.time)
        look.absences = absences.map { "\($0): below is how it was at \(time)" }
        return look
    }
}

/// Looks at publishers again and again.
package struct TopSource: Sendable {
    private let directories: [(directory: StateDirectory, consumers: String)]
    private let patience: Duration
    private let began = ContinuousClock.now
    private let lastLines = LastLines()

    /// - Parameters:
    ///   - directories: each with the directory of its masters' cursors and ledgers.
    ///   - patience: how long a publisher may take to answer.
    package init(_ directories: [(directory: StateDirectory, consumers: String)], patience: Duration = .seconds(3)) {
        self.directories = directories
        self.patience = patience
    }

    /// Asks each publisher that runs.
    package func look() async -> TopLook {
        var look = TopLook(at: 0, time: 0)
        for (directory, consumers) in directories {
            let inspection = PublisherInspection(directory)
            do {
                guard let holder = try inspection.holder() else {
                    look.absences.append("no publisher runs on \(HumanText.line(directory.path))")
                    continue
                }
                guard let status = try await inspection.ask(timeout: patience) else {
                    throw InspectionError.silent(directory, holder: holder, obstacle: inspection.obstacle)
                }
                look.reports.append(
                    try StatusReport(of: status, in: directory, consumers: consumers))
            } catch {
                look.absences.append(HumanText.line("\(error)"))
            }
        }
        look.at = (ContinuousClock.now - began) / .seconds(1)
        look.time = WallClock.seconds()
        look.lastLines = lastLines.known
        lastLines.refresh(look.reports.flatMap { $0.telemetry.trainings.map(\.file) })
        return look
    }
}
