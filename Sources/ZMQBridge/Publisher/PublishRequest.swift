internal import Diagnosis

/// Metrics that go together: all of them, or none.
struct PublishRequest: Sendable {
    var metrics: EncodedMetrics
    /// Where their source stands after them.
    var position: SourcePosition?
    /// Whether the metrics are refused while the journal can't be written: their source keeps them, and gives them again. As it is where
    /// there is a position.
    var needsJournal: Bool

    init(metrics: EncodedMetrics, position: SourcePosition?, needsJournal: Bool = false) {
        self.metrics = metrics
        self.position = position
        self.needsJournal = needsJournal || position != nil
    }
}
