package import CoreMetrics
package import Diagnosis
package import Hang
package import Logging
private import Synchronization
internal import SystemSupport

/// Matches the rules against logs while they are followed: counts the hits, exports when each rule last matched, and reports root causes in
/// arobust's own log.
///
/// A root cause counts only once the training has made no steps for a while after it (`StandingFindings`): a healthy day has none.
///
/// Any number of logs may share one watch: lines are matched without a lock, and memory grows with the number of rules only. The time of a
/// hit is when its line was read, whatever time the line itself gives.
package final class LogWatch: LogObserver {
    /// How long a rule that was reported is not reported again.
    static let quietTime: Duration = .seconds(60)
    /// How much of a line is reported, in Unicode scalars.
    static let longestText = 300
    /// So many watches before this one are kept.
    private static let mostEarlier = 8

    /// A line with one of these is ignored, whatever the table says: arobust's own log may be among the followed ones. The first is part of
    /// each report of a root cause, the others of every line that swift-log's handlers write for arobust's loggers.
    private static let ownTexts = ["arobust alarm"] + Logger.Level.allCases.map { "\($0) arobust" }

    private let matcher: RuleMatcher
    private let observer: (any HangObserver)?
    private let logger: Logger
    private let factory: any MetricsFactory
    /// By the rule's index; `nil` for a rule that only marks where a training starts.
    private let counters: [Counter?]
    private let watched = Mutex<[Int: WatchedRule]>([:])
    private let findings = Mutex(StandingFindings())
    /// Whether lines must be searched for steps: some root cause is waiting, or was told lately.
    private let isTracking = Atomic<Bool>(false)
    /// How many root causes the training went on after.
    private let survived: Counter
    private let settle: Duration
    /// Those before it, with root causes that may yet be told or withdrawn.
    private let earlier = Mutex<[LogWatch]>([])
    private let after: @Sendable (Duration, @escaping @Sendable () -> Void) -> Void
    private let wallClock: @Sendable () -> Int64
    private let clock: @Sendable () -> ContinuousClock.Instant

    /// - Parameters:
    ///   - rules: what to look for; arobust's own lines are ignored in any case.
    ///   - settle: how long a root cause must stand before it counts.
    ///   - observer: is told of each root cause that is reported.
    ///   - factory: makes the self-metrics.
    package convenience init(
        rules: RuleTable, settle: Duration = .seconds(30), observer: (any HangObserver)? = nil,
        logger: Logger = Logger(label: "arobust.log-watch"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) {
        self.init(
            rules: rules, settle: settle, observer: observer, logger: logger, factory: factory,
            wallClock: { WallClock.seconds() },
            clock: { .now },
            after: { delay, body in
                Task.detached {
                    try? await Task.sleep(for: delay)
                    body()
                }
            })
    }

    init(
        rules: RuleTable, settle: Duration, observer: (any HangObserver)? = nil, logger: Logger,
        factory: any MetricsFactory, wallClock: @escaping @Sendable () -> Int64,
        clock: @escaping @Sendable () -> ContinuousClock.Instant,
        after: @escaping @Sendable (Duration, @escaping @Sendable () -> Void) -> Void
    ) {
        self.settle = settle
        self.after = after
        var rules = rules
        for text in Self.ownTexts { rules.exclude(text) }
        matcher = RuleMatcher(rules)
        self.observer = observer
        self.logger = logger
        self.factory = factory
        self.wallClock = wallClock
        self.clock = clock
        survived = Counter(label: "arobust_log_findings_survived_total", factory: factory)
        var made: [[String]: Counter] = [:]
        counters = rules.rules.map { rule in
            guard rule.role != .start else { return nil }
            let labels = [rule.domain.rawValue, rule.role.rawValue]
            let counter =
                made[labels]
                ?? Counter(
                    label: "arobust_log_findings_total", dimensions: Array(zip(["domain", "role"], labels)),
                    factory: factory)
            made[labels] = counter
            return counter
        }
    }

    /// Takes the place of another watch, for the same logs with other rules: root causes that the earlier one has read are still told, or withdrawn,
    /// as the training goes on or not.
    package func follow(_ other: LogWatch) {
        let waiting = (other.earlier.withLock { $0 } + [other]).filter { $0.isTracking.load(ordering: .relaxed) }
        earlier.withLock { $0 = waiting.suffix(Self.mostEarlier) }
        other.earlier.withLock { $0 = [] }
    }

    package func judge(_ lines: UnsafeRawBufferPointer) -> [JudgedLine] {
        matcher.hits(in: lines).map { hit in
            let rule = matcher.table.rules[hit.rule]
            let weight: JudgedLine.Weight =
                switch rule.role {
                case .start: .none
                case .rootCause: Self.isFinal(hit.exception?.standing) ? .rootCause : .symptom
                default: .symptom
                }
            return JudgedLine(line: hit.line, rule: rule.id, ruleIndex: hit.rule, weight: weight)
        }
    }

    package func time(of line: UnsafeRawBufferPointer) -> Double? {
        LogTime(clock: .system).read(line)
    }

    /// Whether an exception may have ended a rank.
    private static func isFinal(_ standing: RaisedException.Standing?) -> Bool {
        switch standing {
        case .raised, .bare, nil: true
        case .consequence, .ignored, .inThread, .quoted: false
        }
    }

    package func observe(_ lines: String, judged: [JudgedLine], of path: String) {
        for watch in takeEarlier() { watch.observe(lines, judged: [], of: path) }
        guard !judged.isEmpty || isTracking.load(ordering: .relaxed) else { return }
        var lines = lines
        lines.withUTF8 { utf8 in
            let bytes = UnsafeRawBufferPointer(utf8)
            let last = recordHits(judged, in: bytes, of: path)
            if isTracking.load(ordering: .relaxed) { track(bytes, after: last, judged, of: path) }
        }
    }

    /// Those before it that still wait for something.
    private func takeEarlier() -> [LogWatch] {
        earlier.withLock { watches in
            guard !watches.isEmpty else { return [] }
            watches.removeAll { !$0.isTracking.load(ordering: .relaxed) }
            return watches
        }
    }

    /// - Returns: where the last root cause ends, or 0.
    private func recordHits(_ judged: [JudgedLine], in bytes: UnsafeRawBufferPointer, of path: String) -> Int {
        var found: [Int: (count: Int, line: Range<Int>, isRoot: Bool)] = [:]
        for hit in judged where hit.line.upperBound <= bytes.count {
            found[hit.ruleIndex, default: (0, hit.line, false)].count += 1
            if hit.weight == .rootCause { found[hit.ruleIndex]?.isRoot = true }
        }
        var last = 0
        for (index, (count, line, isRoot)) in found.sorted(by: { $0.value.line.lowerBound < $1.value.line.lowerBound })
        {
            guard let counter = counters[index] else { continue }
            let rule = matcher.table.rules[index]
            guard rule.role == .rootCause else {
                counter.increment(by: count)
                _ = recordHit(of: index, rule, count: count, path: path, seconds: wallClock())
                continue
            }
            guard isRoot else { continue }
            guard isEnough(index, rule, count) else {
                counter.increment(by: count)
                continue
            }
            last = max(last, line.upperBound)
            wait(
                WaitingFinding(
                    rule: index, path: path, isKernels: rule.place == .kernel,
                    text: Self.plain(LineText.shown(line, in: bytes, rule: index, matcher)), count: count,
                    seconds: wallClock()))
        }
        return last
    }

    /// Whether there are as many lines as the rule needs.
    private func isEnough(_ index: Int, _ rule: Rule, _ count: Int) -> Bool {
        let now = clock()
        return watched.withLock { $0[index, default: WatchedRule(rule)].isEnough(adding: count, at: now) }
    }

    private func wait(_ finding: WaitingFinding) {
        isTracking.store(true, ordering: .relaxed)
        guard findings.withLock({ $0.add(finding) }) else { return }
        after(settle) { [weak self] in self?.settle(finding.key) }
    }

    /// A root cause after which no steps came is one.
    private func settle(_ key: WaitingFinding.Key) {
        let now = clock()
        guard let finding = findings.withLock({ $0.settle(key, at: now) }) else { return }
        let rule = matcher.table.rules[finding.rule]
        counters[finding.rule]?.increment(by: finding.count)
        guard
            let suppressed = recordHit(
                of: finding.rule, rule, count: finding.count, path: finding.path, seconds: finding.seconds)
        else { return }
        report(RootCauseAlarm(rule: rule, text: finding.text, suppressed: suppressed), of: finding.path)
    }

    /// Looks for steps that the training made after root causes.
    private func track(
        _ bytes: UnsafeRawBufferPointer, after last: Int, _ judged: [JudgedLine], of path: String
    ) {
        let special = Set(judged.map(\.line.lowerBound))
        var steps: [ProgressLine] = []
        for line in LineBounds.lines(in: UnsafeRawBufferPointer(rebasing: bytes[last...]))
        where !special.contains(line.lowerBound + last) {
            let text = UnsafeRawBufferPointer(
                rebasing: bytes[last...][(line.lowerBound + last)..<(line.upperBound + last)].prefix(1000))
            guard ProgressLine.isPossible(text), let step = ProgressLine(ProgramText(text).bytes) else { continue }
            steps.append(step)
        }
        let now = clock()
        let (overcome, isDone) = findings.withLock { $0.advance(steps, of: path, at: now) }
        if isDone { isTracking.store(false, ordering: .relaxed) }
        for finding in overcome {
            survived.increment(by: finding.count)
            guard finding.isTold else { continue }
            watched.withLock { $0[finding.rule]?.forget() }
            logger.notice(
                "arobust alarm withdrawn: the training went on.",
                metadata: ["path": "\(finding.path)", "rule": "\(matcher.table.rules[finding.rule].id)"])
        }
    }

    /// - Parameter seconds: when the lines were read, in seconds since 1970.
    /// - Returns: how many lines went unreported since the last report; `nil` if it is too early for another one.
    private func recordHit(of index: Int, _ rule: Rule, count: Int, path: String, seconds: Int64) -> Int? {
        let now = clock()
        // The gauge is made under the lock: when a rule matches in two logs at once, one must not remove the other's new gauge.
        return watched.withLock { watched in
            var state = watched.removeValue(forKey: index) ?? WatchedRule(rule)
            defer { watched[index] = state }
            guard rule.role == .rootCause || state.isEnough(adding: count, at: now) else { return nil }
            state.recordTime(seconds, in: path, factory: factory)
            return state.linesSinceReport(adding: count, at: now, quietTime: Self.quietTime)
        }
    }

    private func report(_ alarm: RootCauseAlarm, of path: String) {
        // Handlers sort the keys, so that the line comes late, close to the words by which it is recognized as arobust's own.
        var metadata: Logger.Metadata = [
            "path": "\(path)", "rule": "\(alarm.rule.id)", "text": "\(alarm.text)", "title": "\(alarm.rule.title)",
        ]
        if alarm.suppressed > 0 { metadata["suppressed"] = "\(alarm.suppressed)" }
        logger.warning("arobust alarm: a followed log contains a root cause.", metadata: metadata)
        observer?.suspect(
            HangSuspicion(.rootCause, text: "\(alarm.rule.title): \(alarm.text)", time: wallClock()))
    }

    /// Without characters that a terminal could take for a command.
    private static func plain(_ text: String) -> String {
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(longestText) {
            plain.append(scalar.properties.generalCategory == .control && scalar != "\t" ? "\u{FFFD}" : scalar)
        }
        return String(plain)
    }
}
