internal import CoreMetrics
internal import Diagnosis
internal import GRPCCore
internal import Logging
internal import MasterClients
internal import ZMQBridge

/// What becomes of each call: a metric is published, anything else goes to the master.
struct MasterCalls: Sendable {
    private let publisher: MetricPublisher
    private let node: NodeIdentity
    private let upstream: any Upstream
    private let logger: Logger
    private let metrics: ListenerMetrics
    private let refusals: RefusalLog

    init(
        publisher: MetricPublisher, node: NodeIdentity, upstream: any Upstream, logger: Logger,
        factory: any MetricsFactory
    ) {
        self.publisher = publisher
        self.node = node
        self.upstream = upstream
        self.logger = logger
        metrics = ListenerMetrics(factory: factory)
        refusals = RefusalLog(quietTime: .seconds(60), logger: logger)
    }

    func register(with router: inout RPCRouter<some ServerTransport>) {
        for method in MasterMethod.allCases {
            router.registerHandler(
                forMethod: method.descriptor, deserializer: RawMessage(), serializer: RawMessage()
            ) { request, _ in
                let request = try await ServerRequest(stream: request)
                let answer = try await answer(method, request.message, request.metadata)
                return StreamingServerResponse(single: ServerResponse(message: answer))
            }
        }
    }

    private func answer(_ method: MasterMethod, _ message: [UInt8], _ metadata: Metadata) async throws -> [UInt8] {
        guard method == .report, let request = DLRoverRequest(message: message), let metric = request.metric else {
            return try await forward(method, message, metadata)
        }
        var identity = NodeIdentity(id: request.node.id, type: request.node.type, rank: metric.nodeRank)
        if identity.type.isEmpty { identity.type = node.type }
        if identity.rank < 0 { identity.rank = node.rank }
        do {
            try await publisher.publishDurably(json: metric.json, node: identity)
        } catch let error as ReportError {
            metrics.refused.increment()
            refusals.note(error)
            throw RPCError(code: error.code == .refused ? .invalidArgument : .unavailable, message: "arobust: \(error)")
        }
        metrics.published.increment()
        return DLRoverAnswerMessage.response(success: true)
    }

    private func forward(_ method: MasterMethod, _ message: [UInt8], _ metadata: Metadata) async throws -> [UInt8] {
        // Unstructured, so that the end of the client's call can end it.
        let call = Task { try await upstream.call(method, message, metadata: metadata) }
        do {
            let answer = try await withRPCCancellationHandler {
                try await withTaskCancellationHandler {
                    try await call.value
                } onCancel: {
                    call.cancel()
                }
            } onCancelRPC: {
                call.cancel()
            }
            metrics.forwarded.increment()
            return answer
        } catch  where call.isCancelled {
            metrics.failed.increment()
            // The client has given it up. One whose deadline is over may still take this for the answer, so it must say that.
            throw RPCError(code: .deadlineExceeded, message: "the master did not answer in the client's time")
        } catch {
            metrics.failed.increment()
            throw error
        }
    }
}
