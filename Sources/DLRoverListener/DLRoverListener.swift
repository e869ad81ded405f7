package import CoreMetrics
package import Diagnosis
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
package import Logging
package import MasterClients
private import Synchronization
package import ZMQBridge

/// Stands where a DLRover client looks for its master: takes its diagnosis metrics for the bus, and passes every other call to the master.
///
/// A `report` that carries a `WorkerTrainingMetric` is answered with success once the journal has it. Every other unary call of any
/// service, also one whose pickle can't be read here, goes to the master byte for byte, with the client's metadata and deadline; the
/// master's answer, or its status, comes back. A call that hangs there holds up no metric. No retries are made here: the client makes them.
///
/// **What can't be on the bus** (no JSON of a metric, a word that no topic can have) is answered `INVALID_ARGUMENT` with the reason. A
/// DLRover master raises over such data, which a client sees as `UNKNOWN`; DLRover's client tries either ten times, with pauses of 5 s.
/// `success=false` would be quicker for it, and is what a master answers to a pickle that it can't read, but the client doesn't look at it:
/// the metric would be lost without a word. While the journal can't be written the answer is `UNAVAILABLE`, so that the client tries again.
///
/// **Bounds**: a message may have 256 MiB, as in DLRover's clients; at most `RequestBudget.bytes` of requests are in memory at once, and at
/// most `CallForwarder.mostCalls` calls are with the master. What is beyond is answered `RESOURCE_EXHAUSTED`.
package final class DLRoverListener: Sendable {
    /// How long calls that are under way may take to end when the listener stops.
    private static let grace: Duration = .seconds(1)
    /// More calls of one connection wait with the client.
    private static let streamsPerConnection = 1024
    /// What a client may send ahead on a stream.
    private static let window = 1 << 20

    private let address: ListenAddress
    private let transport: HTTP2ServerTransport.Posix
    private let calls: CallHandler
    private let relay: (any DLRoverRelay)?
    private let logger: Logger

    /// - Parameters:
    ///   - publisher: where metrics go.
    ///   - node: fills in what a metric leaves out.
    ///   - master: where other calls go; `nil`, or no DLRover master: they are answered `UNIMPLEMENTED`.
    ///   - options: of these only `connectTimeout` and, over HTTP, `userAgent` count: the job and the deadline are the client's own.
    ///   - factory: makes the self-metrics.
    /// - Throws: `MasterClientOptionsError`.
    package init(
        address: ListenAddress, publisher: MetricPublisher, node: NodeIdentity, master: MasterURL?,
        options: MasterClientOptions = MasterClientOptions(), logger: Logger = Logger(label: "arobust.listener"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) throws {
        self.address = address
        self.logger = logger
        relay = try master?.makeRelay(options: options, logger: logger)
        let metrics = ListenerMetrics(factory: factory)
        calls = CallHandler(
            receiver: MetricReceiver(publisher: publisher, node: node, metrics: metrics, logger: logger),
            forwarder: relay.map { CallForwarder(relay: $0, metrics: metrics) })
        transport = HTTP2ServerTransport.Posix(
            address: address.isIPv6
                ? .ipv6(host: address.host, port: address.port) : .ipv4(host: address.host, port: address.port),
            transportSecurity: .plaintext, config: Self.configuration(budget: RequestBudget()))
    }

    private static func configuration(budget: RequestBudget) -> HTTP2ServerTransport.Posix.Config {
        .defaults { config in
            config.rpc.maxRequestPayloadSize = RelayLimits.messageBytes
            config.compression.enabledAlgorithms = .all
            config.http2.targetWindowSize = window
            config.http2.maxConcurrentStreams = streamsPerConnection
            config.connection.maxGraceTime = grace
            // DLRover's channels may ping as they like: one that is closed for it costs the training a rendezvous.
            config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .zero
            config.connection.keepalive.clientBehavior.allowWithoutCalls = true
            config.channelDebuggingCallbacks.onAcceptHTTP2Stream = { RequestGate.install(on: $0, budget: budget) }
        }
    }

    /// Listens until the task is cancelled, then takes no more calls and answers those that are under way, for up to 1 s.
    ///
    /// May be called once.
    /// - Throws: `ListenError` if the address can't be listened at.
    package func run() async throws {
        let (transport, calls) = (transport, calls)
        // A task of its own: it ends by itself when ours is cancelled, after the last answer.
        let serving = Task { try await transport.listen { await calls.handle($0, $1) } }
        let announcing = Task { await self.announce() }
        let result = await withTaskCancellationHandler {
            await serving.result
        } onCancel: {
            calls.stop()
            transport.beginGracefulShutdown()
            Task {
                try? await Task.sleep(for: Self.grace)
                serving.cancel()
            }
        }
        announcing.cancel()
        await relay?.close()
        if case .failure(let error) = result, !Task.isCancelled { throw ListenError(address: address, cause: error) }
    }

    /// Where it listens; waits until it does.
    ///
    /// - Throws: if it can't, or does no more.
    package var boundAddress: ListenAddress {
        get async throws {
            let bound = try await transport.listeningAddress
            return ListenAddress(host: address.host, port: bound.ipv4?.port ?? bound.ipv6?.port ?? address.port)
        }
    }

    private func announce() async {
        guard let bound = try? await boundAddress else { return }
        logger.info("Listening for DLRover clients.", metadata: ["address": "\(bound)"])
    }
}

/// Where DLRover's own clients may call: `dlrover+grpc://` and an address of this machine alone, with a port; 0 takes a free one.
///
/// The protocol has no authentication, and a master's answers go through, so nobody else may get in.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// What is allowed, to follow "must be".
    package static let rule =
        "dlrover+grpc://, a loopback address (127.0.0.1, localhost or [::1]), a colon and a port, 0 for a free one"

    /// An IPv4 or IPv6 address, without brackets.
    let host: String
    let port: Int

    /// - Returns: `nil` if the text is no such address.
    package init?(_ text: String) {
        let scheme = "dlrover+grpc://"
        guard text.lowercased().hasPrefix(scheme) else { return nil }
        var rest = text.dropFirst(scheme.count)
        if rest.hasSuffix("/") { rest.removeLast() }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]) else {
            return nil
        }
        switch rest[..<colon].lowercased() {
        case "localhost": host = "127.0.0.1"
        case "[::1]": host = "::1"
        case let address where Self.isLoopback(address): host = address
        default: return nil
        }
        self.port = Int(port)
    }

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Whether it is one of 127.0.0.0/8.
    private static func isLoopback(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    var isIPv6: Bool { host.contains(":") }

    package var description: String {
        "dlrover+grpc://\(isIPv6 ? "[\(host)]" : host):\(port)"
    }
}

/// An address that can't be listened at.
package struct ListenError: Error, CustomStringConvertible {
    package let address: ListenAddress
    /// The system's words, as "Address already in use".
    package let reason: String

    init(address: ListenAddress, cause: any Error) {
        self.address = address
        reason = ConnectionErrorText.describe(cause)
    }

    package var description: String { "\(address) can't be listened at: \(reason)" }
}
