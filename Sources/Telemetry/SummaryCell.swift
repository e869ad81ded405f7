internal import CoreMetrics
private import Synchronization

/// How many values there were, and their sum; of a timer, in seconds.
///
/// The two are not read as one: a value that comes while the text is written may stand in the sum alone until the next writing.
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
