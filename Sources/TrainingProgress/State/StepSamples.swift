/// The last times of something, in seconds, in bounded memory.
struct StepSamples: Hashable, Sendable {
    static let capacity = 512

    /// The oldest first.
    private var values: [Double] = []
    private var next = 0

    var count: Int { values.count }

    mutating func add(_ value: Double) {
        guard value.isFinite, value >= 0 else { return }
        if values.count < Self.capacity {
            values.append(value)
        } else {
            values[next] = value
            next = (next + 1) % Self.capacity
        }
    }

    mutating func removeAll() {
        values = []
        next = 0
    }

    /// All of them, the oldest first.
    var inOrder: [Double] { Array(values[next...] + values[..<next]) }

    var median: Double? { Self.median(of: values) }

    /// What 99 of 100 don't exceed; of fewer than 100, the largest.
    var percentile99: Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        return sorted[
            min(sorted.count - 1, Int((Double(sorted.count) * 0.99).rounded(.up)) - (sorted.count >= 100 ? 1 : 0))]
    }

    static func median(of values: some Sequence<Double>) -> Double? {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return nil }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The median distance from the median, scaled so that it is the standard deviation of values that are distributed normally.
    static func deviation(of values: some Collection<Double>, around median: Double) -> Double {
        1.4826 * (self.median(of: values.lazy.map { abs($0 - median) }) ?? 0)
    }
}
