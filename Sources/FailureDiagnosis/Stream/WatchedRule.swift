internal import CoreMetrics
internal import Diagnosis

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

    /// Removes the gauge: the training went on.
    mutating func forget() {
        gauge?.destroy()
        gauge = nil
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
