internal import CoreMetrics
internal import GRPCServing
internal import MasterClients
internal import NIOCore
private import Synchronization

/// Answers one call, over gRPC or HTTP: a metric is published, anything else goes to the master.
struct CallHandler: Sendable {
    let receiver: MetricReceiver
    /// `nil`: there is no master.
    let forwarder: CallForwarder?

    func answer(to call: RelayedCall) async throws(GRPCStatus) -> ByteBuffer {
        if call.path == "/elastic.Master/report", let metric = ReportedMetric(message: call.message) {
            try await receiver.publish(metric, from: .grpc)
            return ReportedMetric.success
        }
        return try await master().forward(.grpc) { (relay) async throws(GRPCStatus) in try await relay.answer(to: call)
        }
    }

    func answer(to post: RelayedPost) async -> PostAnswer {
        do throws(GRPCStatus) {
            if let metric = ReportedMetric(post: post) {
                try await receiver.publish(metric, from: .http)
                return .success
            }
            return try await master().forward(.http) { (relay) async throws(GRPCStatus) in
                try await relay.answer(to: post)
            }
        } catch {
            return PostAnswer(error)
        }
    }

    private func master() throws(GRPCStatus) -> CallForwarder {
        if let forwarder { return forwarder }
        throw GRPCStatus(
            code: .unimplemented,
            message: """
                arobust takes report_diagnosis_agent_metrics alone and passes all other calls to the first DLRover master, of which \
                none is configured: name one with --master dlrover+grpc://host:port
                """)
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

    /// - Parameter wire: what the client speaks.
    func forward<Answer: Sendable>(
        _ wire: ListenWire, _ call: (any DLRoverRelay) async throws(GRPCStatus) -> Answer
    ) async throws(GRPCStatus) -> Answer {
        let metrics = metrics.calls(wire)
        defer { underWay.subtract(1, ordering: .relaxed) }
        guard underWay.add(1, ordering: .relaxed).newValue <= Self.limit else {
            metrics.failed.increment()
            throw GRPCStatus(
                code: .resourceExhausted, message: "arobust passes at most \(Self.limit) calls at once to the master")
        }
        do throws(GRPCStatus) {
            let answer = try await call(relay)
            metrics.forwarded.increment()
            return answer
        } catch {
            metrics.failed.increment()
            throw error
        }
    }
}
