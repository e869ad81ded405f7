/// All series of one name.
struct MetricFamily {
    let kind: MetricKind
    /// By their labels as they are written.
    var cells: [String: any MetricCell] = [:]
}
