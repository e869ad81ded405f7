internal import CoreMetrics

/// The self-metrics of one training: `arobust_training_step{file="…",rank="3"}` and its kind. One that the training doesn't give is not there.
struct TrainingMetrics: Sendable {
    private let labels: [(String, String)]
    private let factory: any MetricsFactory
    private var gauges: [String: Gauge] = [:]

    init(path: String, rank: Int?, factory: any MetricsFactory) {
        labels = [("file", path)] + (rank.map { [("rank", "\($0)")] } ?? [])
        self.factory = factory
    }

    /// - Parameter wall: now, in seconds since 1970.
    mutating func set(_ training: ProgressSnapshot, wall: Double) {
        set("step", training.step)
        set("epoch", training.epoch)
        set("step_seconds", training.stepSeconds)
        set("step_seen_at_seconds", training.silence.map { wall - $0 })
        set("goodput_ratio", training.goodput)
        set("lost_seconds_total", training.lostSeconds)
        set("restarts_total", Double(training.restarts))
        set("silent", training.state == .silent ? 1 : 0)
        set("slow", training.state == .slow ? 1 : 0)
        set("finished", training.state == .finished ? 1 : 0)
        if training.throughputUnit == "tokens/s" { set("tokens_per_second", training.throughput) }
    }

    private mutating func set(_ name: String, _ value: Double?) {
        guard let value else { return }
        if gauges[name] == nil {
            gauges[name] = Gauge(label: "arobust_training_\(name)", dimensions: labels, factory: factory)
        }
        gauges[name]?.record(value)
    }

    func destroy() {
        for gauge in gauges.values { gauge.destroy() }
    }
}
