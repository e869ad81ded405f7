private import Glibc
import NIOCore
package import NIOHTTP2
import NIOPosix
import PeerLimits
import PlainHTTP
import TransportSecurity

/// Opens connections to one server.
struct GRPCConnector: Sendable {
    let host: String
    let port: Int
    let connectTimeout: TimeAmount
    /// What the server may send on one stream.
    let streamWindow: Int
    let firstStreamID: Int
    /// What is done about a server that falls silent.
    let liveness: GRPCLiveness
    let lookups: AddressLookupQueue
    /// `nil`: connections go straight to the server.
    let proxy: HTTPProxy?
    /// `nil`: connections are in plain text.
    let security: ClientSecurity?
    let eventLoop: any EventLoop

    /// Looks up the server's name, connects, and answers with a channel whose last handler is a `GRPCConnection`. On its event loop.
    ///
    /// - Parameter silent: addresses that are tried last. `connectTimeout` holds for the lookup, for all others together, and for each of these.
    func connect(avoiding silent: SilentAddresses) -> EventLoopFuture<any Channel> {
        let connector = self
        let (host, port) = (proxy?.host ?? host, proxy?.port ?? port)
        return lookups.addresses(host: host, port: port, timeout: connectTimeout, on: eventLoop).flatMap { addresses in
            connector.connect(toFirstOf: silent.groups(of: addresses, now: .now())[...])
        }.flatMapErrorThrowing { error in
            guard let proxy = connector.proxy, !(error is ProxyError) else { throw error }
            throw ProxyUnreachable(proxy, reason: error)
        }
    }

    private func connect(toFirstOf groups: ArraySlice<[SocketAddress]>) -> EventLoopFuture<any Channel> {
        guard let group = groups.first else {
            return eventLoop.makeFailedFuture(AddressLookupError(reason: "it has no address"))
        }
        let connection = connect(to: group)
        let others = groups.dropFirst()
        return others.isEmpty ? connection : connection.flatMapError { _ in connect(toFirstOf: others) }
    }

    /// Tries all at once, each a quarter of a second after the one before; the first that takes the connection wins.
    private func connect(to addresses: [SocketAddress]) -> EventLoopFuture<any Channel> {
        let (firstStreamID, streamWindow, liveness) = (firstStreamID, streamWindow, liveness)
        let (security, proxy, host, port, patience) = (security, proxy, host, port, connectTimeout)
        return bootstrap.resolver(KnownAddresses(addresses: addresses, eventLoop: eventLoop)).channelInitializer {
            channel in
            channel.eventLoop.makeCompletedFuture {
                let meter = FrameMeter.ofServer(dataPerCall: streamWindow)
                try channel.pipeline.syncOperations.addHandlers([
                    meter, Self.http2Handler(streamWindow: streamWindow),
                    GRPCConnection(firstStreamID: firstStreamID, liveness: liveness, meter: meter),
                ])
                try security?.secure(channel, host: host)
                if let proxy {
                    try ProxyTunnel.add(to: channel, through: proxy, host: host, port: port, patience: patience)
                }
            }
        }.connect(host: host, port: port).flatMap { channel in
            proxy == nil ? channel.eventLoop.makeSucceededFuture(channel) : ProxyTunnel.opened(channel)
        }
    }

    /// A half-open connection must die by itself also without calls: what is sent and not acknowledged for 20 s, or a silent peer that does
    /// not answer TCP's own probes, ends it. `GRPCLiveness` sees to the rest.
    private var bootstrap: ClientBootstrap {
        ClientBootstrap(group: eventLoop)
            .connectTimeout(connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: 20_000)
            .channelOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: 30)
            .channelOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: 10)
            .channelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 3)
    }

    private static func http2Handler(streamWindow: Int) -> NIOHTTP2Handler {
        var configuration = NIOHTTP2Handler.Configuration.forGRPC
        configuration.connection.initialSettings = [
            HTTP2Setting(parameter: .enablePush, value: 0),
            HTTP2Setting(parameter: .maxConcurrentStreams, value: 0),
            HTTP2Setting(parameter: .initialWindowSize, value: streamWindow),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 64 * 1024),
        ]
        // Our headers are always the same, and of the master's only those are looked at that are known.
        configuration.connection.headerBlockValidation = .disabled
        configuration.connection.contentLengthValidation = .disabled
        return NIOHTTP2Handler(
            mode: .client, connectionConfiguration: configuration.connection, streamConfiguration: configuration.stream)
    }
}

extension NIOHTTP2Handler.Configuration {
    /// The defaults, but with room for what gRPC's peers do: they measure the line with pings, up to many a second, and reset streams that
    /// were answered early or that nobody waits for any more.
    package static var forGRPC: Self {
        var configuration = NIOHTTP2Handler.Configuration()
        configuration.connection.controlFrameRateLimit.maximumCount = 3000
        configuration.connection.maximumRecentlyResetStreams = 1000
        configuration.connection.maximumConnectionGlitches = 10_000
        configuration.stream.streamResetFrameRateLimit.maximumCount = 3000
        configuration.stream.streamErrorRateLimit.maximumCount = 3000
        return configuration
    }
}

/// Runs tasks on an event loop, next to what they wait for: a call and its answer then need no change of thread, which costs
/// more than all the rest of a call.
final class EventLoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
