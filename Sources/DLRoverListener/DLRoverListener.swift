package import GRPCServing
package import CoreMetrics
package import Diagnosis
package import Logging
package import MasterClients
internal import SystemSupport
package import ZMQBridge

/// Stands where a DLRover client looks for its master: takes its diagnosis metrics for the bus, and passes every other call to the master.
///
/// It listens at several addresses, for clients that speak gRPC and for those that speak HTTP; all have the same callers and the same bounds
/// together. The master may speak either: what differs is translated (`DLRoverRelay`).
///
/// A `report` that carries a `WorkerTrainingMetric` is answered with success once the journal has it. Every other unary call of any
/// service (over HTTP: every other `report` and `get`), also one whose pickle can't be read here, goes to the master byte for byte, with the client's metadata and deadline; the
/// master's answer, or its status, comes back. A call that hangs there holds up no metric. No retries are made here: the client makes them.
///
/// **What can't be on the bus** (no JSON of a metric, a word that no topic can have) is answered `INVALID_ARGUMENT` with the reason. A
/// DLRover master raises over such data, which a client sees as `UNKNOWN`; DLRover's client tries either ten times, with pauses of 5 s.
/// `success=false` would be quicker for it, and is what a master answers to a pickle that it can't read, but the client doesn't look at it:
/// the metric would be lost without a word. While the journal can't be written the answer is `UNAVAILABLE`, so that the client tries again.
///
/// **Who may call**: root, this process's own user, and whom `AllowedCallers` names. The kernel says who it is; a caller of whom it doesn't is
/// refused. All others get `PERMISSION_DENIED` (403), and nothing of what they send is kept.
///
/// **Bounds**: a message may have 256 MiB over gRPC and 100 MiB over HTTP, as in DLRover; at most `RequestBudget.bytes` of requests are in memory at once, and at
/// most `CallForwarder.limit` calls are with the master. What is beyond is answered `RESOURCE_EXHAUSTED`. Connections have a limit, too: beyond
/// it those of no use are closed, or the new one.
package final class DLRoverListener: Sendable {
    /// More connections are not taken however many descriptors there are.
    package static let mostConnections = 1024

    private let addresses: [ListenAddress]
    private let callers: AllowedCallers
    private let limits: ConnectionTable.Limits
    private let report: ConnectionReport
    private let calls: CallHandler
    private let publisher: MetricPublisher
    private let metrics: ListenerMetrics
    private let relay: (any DLRoverRelay)?
    private let logger: Logger

    /// - Parameters:
    ///   - addresses: at least one, none twice.
    ///   - callers: who may call besides root and this process's user.
    ///   - connectionLimit: how many connections there may be at a time; 1,024 at most.
    ///   - publisher: where metrics go.
    ///   - node: fills in what a metric leaves out.
    ///   - master: where other calls go; `nil`, or no DLRover master: they are answered `UNIMPLEMENTED`.
    ///   - options: of these only `connectTimeout` and, over HTTP, `userAgent` count: the job and the deadline are the client's own.
    ///   - factory: makes the self-metrics.
    /// - Throws: `MasterClientOptionsError`.
    package init(
        addresses: [ListenAddress], callers: AllowedCallers = .nobodyElse,
        connectionLimit: Int = DLRoverListener.mostConnections, publisher: MetricPublisher, node: NodeIdentity,
        master: MasterURL?,
        options: MasterClientOptions = MasterClientOptions(), logger: Logger = Logger(label: "arobust.listener"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) throws {
        self.addresses = addresses
        self.callers = callers
        self.publisher = publisher
        limits = ConnectionTable.Limits(all: min(connectionLimit, Self.mostConnections))
        report = ConnectionReport(factory: factory, logger: logger)
        self.logger = logger
        relay = try master?.makeRelay(options: options, logger: logger)
        let metrics = ListenerMetrics(factory: factory)
        self.metrics = metrics
        calls = CallHandler(
            receiver: MetricReceiver(publisher: publisher, node: node, metrics: metrics, logger: logger),
            forwarder: relay.map { CallForwarder(relay: $0, metrics: metrics) })
    }

    /// Listens until the task is cancelled, then takes no more calls and answers those that are under way, for up to 1 s.
    ///
    /// May be called once.
    /// - Parameter whenListening: told where it listens, in the order of the addresses, once it does everywhere.
    /// - Throws: `ListenError` if it can't listen at one of the addresses, or can't any more.
    package func run(whenListening: @Sendable ([ListenAddress]) -> Void = { _ in }) async throws {
        let server: GRPCServer
        do {
            server = GRPCServer(
                limits: limits, doorkeeper: try makeDoorkeeper(), report: report,
                answerPost: { [calls] post in await calls.answer(to: post) }
            ) { [calls] (call) async throws(GRPCStatus) in try await calls.answer(to: call) }
            whenListening(try await listen(server))
        } catch {
            await relay?.close()
            throw error
        }
        // A task of its own, since the calls that are under way must outlive our cancellation by the grace.
        let serving = Task { await server.run() }
        await withTaskCancellationHandler {
            await serving.value
        } onCancel: {
            server.stop()
        }
        await relay?.close()
        if !Task.isCancelled { throw ListenError(address: addresses[0], reason: "the socket was closed") }
    }

    /// - Throws: `ListenError` of the first address that can't be had; then it listens at none.
    private func listen(_ server: GRPCServer) async throws(ListenError) -> [ListenAddress] {
        var bound: [ListenAddress] = []
        for address in addresses {
            do {
                let place = try await server.listen(at: address.place, speaking: address.wire)
                bound.append(ListenAddress(place, speaking: address.wire))
            } catch {
                server.stop()
                await server.run()
                throw ListenError(address: address, reason: ConnectionErrorText.describe(error))
            }
        }
        publisher.recordListening(at: bound.map(\.description))
        for address in bound {
            metrics.record(address)
            logger.info("Listening for DLRover clients.", metadata: ["address": "\(address)"])
        }
        return bound
    }

    private func makeDoorkeeper() throws -> Doorkeeper {
        let resolved = try callers.resolve()
        let owners = SocketOwners()
        if !resolved.isEveryone, addresses.contains(where: \.isTCP) {
            do throws(SystemCallError) {
                try owners.check()
            } catch {
                logger.warning(
                    "Nobody can be told apart, so all calls will be refused: set listen-allow to everyone, or listen at a Unix socket.",
                    metadata: ["error": "\(error)"])
            }
        }
        return Doorkeeper(callers: resolved, owners: owners)
    }
}
