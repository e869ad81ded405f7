/// A number of a series as it is written.
struct MetricSample: Equatable {
    /// What follows the metric's name: `_sum`, `_count`, or nothing.
    var suffix = ""
    /// The number in the text format.
    let value: String
}
