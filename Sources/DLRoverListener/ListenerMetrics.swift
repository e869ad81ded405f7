internal import CoreMetrics

/// The listener's self-metrics.
struct ListenerMetrics: Sendable {
    let published: Counter
    let refused: Counter
    let forwarded: Counter
    let failed: Counter

    init(factory: any MetricsFactory) {
        func counter(_ outcome: String) -> Counter {
            Counter(label: "arobust_listener_calls_total", dimensions: [("outcome", outcome)], factory: factory)
        }
        published = counter("published")
        refused = counter("refused")
        forwarded = counter("forwarded")
        failed = counter("forward-failed")
    }
}
