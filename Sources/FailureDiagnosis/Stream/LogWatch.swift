package import CoreMetrics
package import Diagnosis
package import Logging
private import Synchronization
internal import SystemSupport

/// Matches the rules against logs while they are followed: counts the hits, exports when each rule last matched, and reports root causes in
/// arobust's own log.
///
/// Any number of logs may share one watch: lines are matched without a lock, and memory grows with the number of rules only. The time of a
/// hit is when its line was read, whatever time the line itself gives.
package final class LogWatch: LogObserver {
    /// How long a rule that was reported is not reported again.
    static let quietTime: Duration = .seconds(60)
    /// How much of a line is reported, in Unicode scalars.
    static let longestText = 300

    /// A line with one of these is ignored, whatever the table says: arobust's own log may be among the followed ones. The first is part of
    /// each report of a root cause, the others of every line that swift-log's handlers write for arobust's loggers.
    private static let ownTexts = ["arobust alarm"] + Logger.Level.allCases.map { "\($0) arobust" }

    private let matcher: RuleMatcher
    private let logger: Logger
    private let factory: any MetricsFactory
    /// By the rule's index; `nil` for a rule that only marks where a training starts.
    private let counters: [Counter?]
    private let watched = Mutex<[Int: WatchedRule]>([:])
    private let wallClock: @Sendable () -> Int64
    private let clock: @Sendable () -> ContinuousClock.Instant

    /// - Parameters:
    ///   - rules: what to look for; arobust's own lines are ignored in any case.
    ///   - factory: makes the self-metrics.
    package convenience init(
        rules: RuleTable, logger: Logger = Logger(label: "arobust.log-watch"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) {
        self.init(
            rules: rules, logger: logger, factory: factory, wallClock: { WallClock.seconds() }, clock: { .now })
    }

    init(
        rules: RuleTable, logger: Logger, factory: any MetricsFactory, wallClock: @escaping @Sendable () -> Int64,
        clock: @escaping @Sendable () -> ContinuousClock.Instant
    ) {
        var rules = rules
        for text in Self.ownTexts { rules.exclude(text) }
        matcher = RuleMatcher(rules)
        self.logger = logger
        self.factory = factory
        self.wallClock = wallClock
        self.clock = clock
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

    package func judge(_ lines: UnsafeRawBufferPointer) -> [JudgedLine] {
        matcher.hits(in: lines).map { hit in
            let rule = matcher.table.rules[hit.rule]
            let weight: JudgedLine.Weight =
                switch rule.role {
                case .start: .none
                case .rootCause: .rootCause
                default: .symptom
                }
            return JudgedLine(line: hit.line, rule: rule.id, ruleIndex: hit.rule, weight: weight)
        }
    }

    package func time(of line: UnsafeRawBufferPointer) -> Double? {
        LogTime(clock: .system).read(line)
    }

    package func observe(_ lines: String, judged: [JudgedLine], of path: String) {
        guard !judged.isEmpty else { return }
        var lines = lines
        let alarms = lines.withUTF8 { recordHits(judged, in: UnsafeRawBufferPointer($0), of: path) }
        for alarm in alarms { report(alarm, of: path) }
    }

    /// - Returns: the root causes to report.
    private func recordHits(
        _ judged: [JudgedLine], in bytes: UnsafeRawBufferPointer, of path: String
    ) -> [RootCauseAlarm] {
        var found: [Int: (count: Int, line: Range<Int>)] = [:]
        for hit in judged where hit.line.upperBound <= bytes.count {
            found[hit.ruleIndex, default: (0, hit.line)].count += 1
        }
        var alarms: [RootCauseAlarm] = []
        for (index, (count, line)) in found.sorted(by: { $0.value.line.lowerBound < $1.value.line.lowerBound }) {
            guard let counter = counters[index] else { continue }
            counter.increment(by: count)
            let rule = matcher.table.rules[index]
            guard let suppressed = recordHit(of: index, rule, count: count, path: path), rule.role == .rootCause else {
                continue
            }
            let text = LineText.shown(line, in: bytes, rule: index, matcher)
            alarms.append(RootCauseAlarm(rule: rule, text: Self.plain(text), suppressed: suppressed))
        }
        return alarms
    }

    /// - Returns: how many lines went unreported since the last report; `nil` if it is too early for another one.
    private func recordHit(of index: Int, _ rule: Rule, count: Int, path: String) -> Int? {
        let (now, seconds) = (clock(), wallClock())
        // The gauge is made under the lock: when a rule matches in two logs at once, one must not remove the other's new gauge.
        return watched.withLock { watched in
            var state = watched.removeValue(forKey: index) ?? WatchedRule(rule)
            defer { watched[index] = state }
            guard state.isEnough(adding: count, at: now) else { return nil }
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

/// What is remembered about a rule that matched.
struct WatchedRule {
    private let rule: Rule
    private var gauge: Gauge?
    private var path = ""
    /// When the last lines matched, as many as the rule needs.
    private var times: [ContinuousClock.Instant] = []
    private var lastReport: ContinuousClock.Instant?
    private var unreportedLines = 0

    init(_ rule: Rule) {
        self.rule = rule
    }

    /// Whether these lines complete as many as the rule needs within its time.
    mutating func isEnough(adding lines: Int, at now: ContinuousClock.Instant) -> Bool {
        guard rule.count > 1 else { return true }
        times += repeatElement(now, count: min(lines, rule.count))
        times.removeFirst(max(0, times.count - rule.count))
        guard times.count == rule.count, let first = times.first else { return false }
        return rule.window.map { now - first <= $0 } ?? true
    }

    /// Sets the rule's gauge. Each rule has one, so a hit in another log replaces the earlier one's.
    mutating func recordTime(_ seconds: Int64, in path: String, factory: any MetricsFactory) {
        guard gauge == nil || path != self.path else {
            gauge?.record(seconds)
            return
        }
        let earlier = gauge
        let gauge = Gauge(
            label: "arobust_log_finding_seen_at_seconds",
            dimensions: [
                ("rule", rule.id), ("title", rule.title), ("domain", rule.domain.rawValue),
                ("role", rule.role.rawValue), ("file", path),
            ], factory: factory)
        gauge.record(seconds)
        earlier?.destroy()
        self.gauge = gauge
        self.path = path
    }

    /// Decides whether to report the first of these lines: the very first line, and then one in each `quietTime`.
    ///
    /// - Returns: how many lines went unreported since the last report; `nil` if it is too early for another one.
    mutating func linesSinceReport(adding lines: Int, at now: ContinuousClock.Instant, quietTime: Duration) -> Int? {
        if let lastReport, now - lastReport < quietTime {
            unreportedLines += lines
            return nil
        }
        defer { unreportedLines = lines - 1 }
        lastReport = now
        return unreportedLines
    }
}

/// A line of a followed log that may be a root cause, and is to be reported.
struct RootCauseAlarm {
    let rule: Rule
    let text: String
    /// How many lines of the rule went unreported since the last report.
    let suppressed: Int
}
