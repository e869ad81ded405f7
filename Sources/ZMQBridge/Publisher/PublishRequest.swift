internal import Diagnosis

/// Metrics that go together: all of them, or none.
struct PublishRequest: Sendable {
    var metrics: EncodedMetrics
    /// Where their source stands after them. A source that has one keeps its data, so that it can be asked to wait.
    var position: SourcePosition?
}
