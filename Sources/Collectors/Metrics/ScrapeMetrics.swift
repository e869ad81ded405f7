internal import CoreMetrics

/// The self-metrics of one page. All series are there from the start, so that their first change is seen.
struct ScrapeMetrics: Sendable {
    private let rounds: [ScrapeResult: Counter]
    private let up: Gauge
    private let alarms: [ScrapeResult: Gauge]
    private let beganAt: Gauge

    init(url: MetricURL, factory: any MetricsFactory) {
        let url = "\(url)"
        rounds = Dictionary(
            uniqueKeysWithValues: ScrapeResult.allCases.map { result in
                let dimensions = [("url", url), ("result", result.rawValue)]
                return (result, Counter(label: "arobust_scrapes_total", dimensions: dimensions, factory: factory))
            })
        up = Gauge(label: "arobust_scrape_up", dimensions: [("url", url)], factory: factory)
        let alarm = [("name", "xpu_timer_scrape"), ("source", url)]
        alarms = Dictionary(
            uniqueKeysWithValues: ScrapeResult.allCases.filter { $0 != .ok }.map { result in
                let dimensions = alarm + [("reason", result.rawValue)]
                return (result, Gauge(label: "arobust_alarm", dimensions: dimensions, factory: factory))
            })
        beganAt = Gauge(label: "arobust_alarm_began_at_seconds", dimensions: alarm, factory: factory)
    }

    /// Counts a round and shows what it came to.
    ///
    /// - Parameter since: when the alarm began, in seconds since 1970; `nil` if all is well.
    func note(_ result: ScrapeResult, since: Int64?) {
        rounds[result]?.increment()
        up.record(result == .ok || result == .noHangLine ? 1 : 0)
        for (reason, alarm) in alarms { alarm.record(reason == result ? 1 : 0) }
        beganAt.record(since ?? 0)
    }
}
