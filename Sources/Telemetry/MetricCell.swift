/// Where the numbers of one series are kept: one name with one set of labels.
protocol MetricCell: AnyObject, Sendable {
    /// What is written of it now: a line each, with what follows the name.
    var samples: [MetricSample] { get }
}
