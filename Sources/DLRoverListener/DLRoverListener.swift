public import CoreMetrics
public import Diagnosis
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
public import Logging
public import MasterClients
public import ZMQBridge

/// Stands where a DLRover client looks for its master: takes its diagnosis metrics for the bus, and passes every other call to the master.
///
/// A metric is answered with success once the journal has it. What can't be on the bus is refused with `INVALID_ARGUMENT`; while the journal
/// can't be written the answer is `UNAVAILABLE`: DLRover's client tries both again, ten times, and says why in its log. All other calls
/// (rendezvous, heartbeats, key-value store, and metrics of a form that is not known here) go to the master as they came, at most 256 MiB
/// each, and end with the client's deadline; none waits for another.
public final class DLRoverListener: Sendable {
    /// As large as DLRover's own client and master let a message be (`dlrover/python/common/grpc.py`), in bytes.
    static let longestMessage = 256 << 20

    private let transport: HTTP2ServerTransport.Posix
    private let server: GRPCServer<HTTP2ServerTransport.Posix>
    private let upstream: any Upstream
    private let address: ListenAddress
    private let logger: Logger

    /// - Parameters:
    ///   - publisher: where metrics go.
    ///   - node: fills in what a metric leaves out.
    ///   - master: where other calls go; `nil`: they are answered `UNIMPLEMENTED`.
    ///   - factory: makes the self-metrics.
    public init(
        address: ListenAddress, publisher: MetricPublisher, node: NodeIdentity, master: MasterURL?,
        options: MasterClientOptions = MasterClientOptions(), logger: Logger = Logger(label: "arobust.listener"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) throws {
        self.address = address
        self.logger = logger
        upstream = try Self.upstream(of: master, options: options, logger: logger)
        transport = HTTP2ServerTransport.Posix(
            address: address.host.contains(":")
                ? .ipv6(host: address.host, port: address.port) : .ipv4(host: address.host, port: address.port),
            transportSecurity: .plaintext,
            config: .defaults { config in
                config.rpc.maxRequestPayloadSize = Self.longestMessage
                // Said, so that a client waits. Unsaid, a hundred is the limit, and one more ends the connection.
                config.http2.maxConcurrentStreams = 1024
                // DLRover's channels may ping as they like: one that is closed for it costs the training a rendezvous.
                config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .zero
                config.connection.keepalive.clientBehavior.allowWithoutCalls = true
            })
        var router = RPCRouter<HTTP2ServerTransport.Posix>()
        let calls = MasterCalls(
            publisher: publisher, node: node, upstream: upstream, logger: logger, factory: factory)
        calls.register(with: &router)
        server = GRPCServer(transport: transport, router: router)
    }

    private static func upstream(
        of master: MasterURL?, options: MasterClientOptions, logger: Logger
    ) throws -> any Upstream {
        guard let master else { return NoUpstream() }
        switch master.target {
        case .dlroverGRPC(let host, let port): return try GRPCUpstream(host: host, port: port, name: "\(master)")
        case .dlroverHTTP(let host, let port):
            var options = options
            // The client decides how long it waits.
            options.deadline = .seconds(600)
            return HTTPUpstream(host: host, port: port, options: options, logger: logger)
        case .file, .standardOutput: return NoUpstream()
        }
    }

    /// How long the answers under way may take after the end.
    private static let grace: Duration = .seconds(1)

    /// Listens until the task is cancelled; what waits for the master then ends, and answers have a second to go out.
    ///
    /// - Throws: `ListenError` if the address can't be listened at.
    public func run() async throws {
        // Unstructured, both: they outlive the cancellation of this task, the answers under way need them.
        let connecting = Task { try await upstream.run() }
        let serving = Task { try await server.serve() }
        let naming = Task { await sayAddress() }
        let result = await withTaskCancellationHandler {
            await serving.result
        } onCancel: {
            server.beginGracefulShutdown()
            Task {
                try await Task.sleep(for: Self.grace)
                serving.cancel()
            }
        }
        naming.cancel()
        connecting.cancel()
        _ = await connecting.result
        if case .failure(let error) = result, !Task.isCancelled {
            throw ListenError(address: address, reason: "\(error)")
        }
    }

    /// Where it listens; waits until it does.
    ///
    /// - Throws: if it can't.
    public var boundAddress: ListenAddress {
        get async throws {
            let bound = try await transport.listeningAddress
            let port = bound.ipv4?.port ?? bound.ipv6?.port ?? address.port
            return ListenAddress(host: address.host, port: port)
        }
    }

    private func sayAddress() async {
        guard let bound = try? await boundAddress else { return }
        logger.info("Listening for DLRover clients.", metadata: ["address": "\(bound)"])
    }
}
