import Diagnosis
import Synchronization

/// Keeps what is reported and its positions, as a publisher does, and refuses on demand.
final class RecordingClient: MasterClient {
    private struct State {
        var metrics: [WorkerTrainingMetric] = []
        var positions: [String: SourcePosition] = [:]
        var failure: ReportError?
    }

    private let state = Mutex(State())

    var metrics: [WorkerTrainingMetric] { state.withLock { $0.metrics } }

    var contents: [String] { metrics.map(\.dataContent) }

    func fail(_ message: String?) {
        state.withLock { $0.failure = message.map { ReportError(code: .unavailable, message: $0) } }
    }

    func setPosition(_ position: SourcePosition) {
        state.withLock { $0.positions[position.key] = position }
    }

    func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.metrics += metrics
            if let position { state.positions[position.key] = position }
        }
    }

    func lastPosition(of key: String) async -> SourcePosition? {
        state.withLock { $0.positions[key] }
    }
}
