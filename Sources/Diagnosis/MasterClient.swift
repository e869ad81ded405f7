/// Whoever takes diagnosis data: a master's client, or the publisher of the bus (to report is then to publish).
///
/// It is the arobust guide's interface. A collector works with any conforming type, with or without a bus.
public protocol MasterClient: Sendable {
    /// Reports `metrics` in their order and returns once they are accepted.
    ///
    /// - Parameter position: where the collector stands after these metrics; a client that can store it does so together
    ///   with them, and `lastPosition(of:)` then answers it. A master's client has nowhere to keep it and ignores it.
    /// - Throws: `ReportError` if any of them was not accepted; those before it may have been.
    func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws

    /// The last position that was stored for `key`; `nil` if there is none or this client keeps none.
    func lastPosition(of key: String) async -> SourcePosition?
}

extension MasterClient {
    /// Reports one metric: the guide's `report_diagnosis_agent_metrics(data)`.
    public func reportDiagnosisAgentMetrics(_ metric: WorkerTrainingMetric) async throws {
        try await reportDiagnosisAgentMetrics([metric], position: nil)
    }

    public func lastPosition(of key: String) async -> SourcePosition? { nil }
}
