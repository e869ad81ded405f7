import Telemetry

/// Self-metrics that a test can read.
struct MetricsCapture {
    let registry = TelemetryRegistry()

    /// The lines of the text that begin so, without comments.
    func lines(_ prefix: String) -> [String] {
        registry.text().split(separator: "\n").filter { $0.hasPrefix(prefix) }.map(String.init)
    }

    /// The values of one metric that are not 0, by the value of a label.
    func values(_ name: String, by label: String) -> [String: Double] {
        var values: [String: Double] = [:]
        for line in lines(name) {
            guard let sample = PrometheusSample(line), sample.name == name, sample.value != 0 else { continue }
            values[sample.labels[label] ?? "", default: 0] += sample.value
        }
        return values
    }
}
