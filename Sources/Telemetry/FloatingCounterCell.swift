internal import CoreMetrics

/// A number with a fraction that only grows.
final class FloatingCounterCell: FloatingPointCounterHandler, MetricCell {
    private let sum = AtomicDouble()

    var samples: [MetricSample] { [MetricSample(value: PrometheusText.number(sum.value))] }

    /// What would not let it grow, or could not be taken back, is ignored.
    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        sum.add(amount)
    }

    func reset() {
        sum.store(0)
    }
}
