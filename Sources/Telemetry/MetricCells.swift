internal import CoreMetrics
private import Synchronization

/// Keeps the numbers of one series: one name with one set of labels.
protocol MetricCell: AnyObject, Sendable {
    /// Its current numbers, one for each line of the text.
    var samples: [MetricSample] { get }
}

/// One number of a series, as it is written.
struct MetricSample: Equatable {
    /// What follows the metric's name: `_sum`, `_count`, or nothing.
    var suffix = ""
    /// The number in the text format.
    let value: String
}

/// A floating-point number that any thread may set or add to, without a lock.
struct AtomicDouble: ~Copyable, Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func store(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    func add(_ amount: Double) {
        var known = bits.load(ordering: .relaxed)
        while true {
            let sum = Double(bitPattern: known) + amount
            let (isDone, current) = bits.weakCompareExchange(
                expected: known, desired: sum.bitPattern, ordering: .relaxed)
            if isDone { return }
            known = current
        }
    }
}

/// A whole number that only grows.
final class CounterCell: CounterHandler, MetricCell {
    private let count = Atomic<UInt64>(0)

    var samples: [MetricSample] { [MetricSample(value: "\(count.load(ordering: .relaxed))")] }

    /// A negative amount is ignored: Prometheus takes a counter that falls for one that was reset.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        count.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    func reset() {
        count.store(0, ordering: .relaxed)
    }
}

/// A number with a fraction that only grows.
final class FloatingCounterCell: FloatingPointCounterHandler, MetricCell {
    private let sum = AtomicDouble()

    var samples: [MetricSample] { [MetricSample(value: PrometheusText.number(sum.value))] }

    /// A negative amount is ignored, and so is infinity or NaN, which it could never leave again.
    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        sum.add(amount)
    }

    func reset() {
        sum.store(0)
    }
}

/// The last value that was set.
final class GaugeCell: RecorderHandler, MeterHandler, MetricCell {
    private let value = AtomicDouble()

    var samples: [MetricSample] { [MetricSample(value: PrometheusText.number(value.value))] }

    func record(_ value: Int64) { self.value.store(Double(value)) }
    func record(_ value: Double) { self.value.store(value) }
    func set(_ value: Int64) { self.value.store(Double(value)) }
    func set(_ value: Double) { self.value.store(value) }
    func increment(by amount: Double) { value.add(amount) }
    func decrement(by amount: Double) { value.add(-amount) }
}

/// How many values there were, and their sum; of a timer, in seconds.
///
/// The two are not read atomically: a value that comes while the text is written may be in the sum only, until the next time.
final class SummaryCell: RecorderHandler, TimerHandler, MetricCell {
    private let count = Atomic<UInt64>(0)
    private let sum = AtomicDouble()

    var samples: [MetricSample] {
        [
            MetricSample(suffix: "_count", value: "\(count.load(ordering: .relaxed))"),
            MetricSample(suffix: "_sum", value: PrometheusText.number(sum.value)),
        ]
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        sum.add(value)
        count.wrappingAdd(1, ordering: .relaxed)
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}
