/// What a metric is to Prometheus: the word of its `# TYPE` line.
enum MetricKind: String {
    /// Only grows, and begins again with the process.
    case counter
    /// Goes up and down.
    case gauge
    /// A count and a sum, without quantiles.
    case summary
}
