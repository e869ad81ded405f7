internal import CoreMetrics
internal import GRPCCore
internal import MasterClients
internal import NIOCore
private import Synchronization

/// Passes calls to the master, each for as long as its client waits.
final class CallForwarder: Sendable {
    /// How many may be with the master at once. A master has 64 threads (`GRPC.SERVER_MAX_WORKERS`), so that more would only wait there.
    static let mostCalls = 256

    private let relay: any DLRoverRelay
    private let metrics: ListenerMetrics
    private let underWay = Atomic(0)
    private let isStopping = Atomic(false)

    init(relay: any DLRoverRelay, metrics: ListenerMetrics) {
        self.relay = relay
        self.metrics = metrics
    }

    /// From now on the transport's signal that a call is cancelled doesn't end it: it comes for all calls when the transport shuts down.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
    }

    func answer(to call: RelayedCall) async throws(GRPCStatus) -> ByteBuffer {
        defer { underWay.subtract(1, ordering: .relaxed) }
        guard underWay.add(1, ordering: .relaxed).newValue <= Self.mostCalls else {
            metrics.failed.increment()
            throw GRPCStatus(
                code: .resourceExhausted,
                message: "arobust passes at most \(Self.mostCalls) calls at once to the master")
        }
        let relay = relay
        // A task of its own, so that the end of the client's call can end it.
        let task = Task { () async -> Result<ByteBuffer, GRPCStatus> in
            do throws(GRPCStatus) { return .success(try await relay.answer(to: call)) } catch { return .failure(error) }
        }
        let result = await withRPCCancellationHandler {
            await withTaskCancellationHandler {
                await task.value
            } onCancel: {
                task.cancel()
            }
        } onCancelRPC: {
            if !self.isStopping.load(ordering: .relaxed) { task.cancel() }
        }
        switch result {
        case .success: metrics.forwarded.increment()
        case .failure: metrics.failed.increment()
        }
        return try result.get()
    }
}
