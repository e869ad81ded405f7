internal import CoreMetrics
private import Synchronization

/// A whole number that only grows.
final class CounterCell: CounterHandler, MetricCell {
    private let count = Atomic<UInt64>(0)

    var samples: [MetricSample] { [MetricSample(value: "\(count.load(ordering: .relaxed))")] }

    /// A negative amount is ignored: to Prometheus, a counter that falls has begun anew.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        count.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    func reset() {
        count.store(0, ordering: .relaxed)
    }
}
