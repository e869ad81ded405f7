internal import CoreMetrics
internal import MasterClients
internal import NIOCore
private import Synchronization

/// Answers one call: a metric is published, anything else goes to the master.
struct CallHandler: Sendable {
    let receiver: MetricReceiver
    /// `nil`: there is no master.
    let forwarder: CallForwarder?

    func answer(to call: RelayedCall) async throws(GRPCStatus) -> ByteBuffer {
        if call.path == "/elastic.Master/report", let metric = ReportedMetric(message: call.message) {
            return try await receiver.publish(metric)
        }
        guard let forwarder else {
            throw GRPCStatus(
                code: .unimplemented,
                message: """
                    arobust takes report_diagnosis_agent_metrics alone and passes all other calls to the first DLRover master, of which \
                    none is configured: name one with --master dlrover+grpc://host:port
                    """)
        }
        return try await forwarder.answer(to: call)
    }
}

/// Passes calls to the master, each for as long as its client waits: the cancellation of the task reaches the master.
final class CallForwarder: Sendable {
    /// How many may be with the master at once. A master has 64 threads (`GRPC.SERVER_MAX_WORKERS`), so that more would only wait there.
    static let limit = 256

    private let relay: any DLRoverRelay
    private let metrics: ListenerMetrics
    private let underWay = Atomic(0)

    init(relay: any DLRoverRelay, metrics: ListenerMetrics) {
        self.relay = relay
        self.metrics = metrics
    }

    func answer(to call: RelayedCall) async throws(GRPCStatus) -> ByteBuffer {
        defer { underWay.subtract(1, ordering: .relaxed) }
        guard underWay.add(1, ordering: .relaxed).newValue <= Self.limit else {
            metrics.failed.increment()
            throw GRPCStatus(
                code: .resourceExhausted, message: "arobust passes at most \(Self.limit) calls at once to the master")
        }
        do throws(GRPCStatus) {
            let answer = try await relay.answer(to: call)
            metrics.forwarded.increment()
            return answer
        } catch {
            metrics.failed.increment()
            throw error
        }
    }
}
