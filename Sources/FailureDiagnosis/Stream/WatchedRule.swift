internal import CoreMetrics

/// What is kept of a rule that was hit.
struct WatchedRule {
    private let rule: Rule
    private var gauge: Gauge?
    private var path = ""
    /// Of the last hits, as many as the rule takes.
    private var times: [ContinuousClock.Instant] = []
    private var lastTold: ContinuousClock.Instant?
    private var untold = 0

    init(_ rule: Rule) {
        self.rule = rule
    }

    /// Whether, with these lines, there are as many within the rule's time as it takes.
    mutating func isEnough(adding lines: Int, at now: ContinuousClock.Instant) -> Bool {
        guard rule.count > 1 else { return true }
        times += repeatElement(now, count: min(lines, rule.count))
        times.removeFirst(max(0, times.count - rule.count))
        guard times.count == rule.count, let first = times.first else { return false }
        return rule.window.map { now - first <= $0 } ?? true
    }

    /// Sets the rule's gauge. There is one a rule, so a hit in another log takes the place of the earlier one's.
    mutating func seen(in path: String, at seconds: Int64, factory: any MetricsFactory) {
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

    /// Whether to tell the first of these lines now: the first line of all, and then one in each `quietTime`.
    ///
    /// - Returns: how many lines were not told since the last one that was; `nil`: it isn't time.
    mutating func shouldTell(lines: Int, at now: ContinuousClock.Instant, quietTime: Duration) -> Int? {
        if let lastTold, now - lastTold < quietTime {
            untold += lines
            return nil
        }
        defer { untold = lines - 1 }
        lastTold = now
        return untold
    }
}
