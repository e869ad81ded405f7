package import MasterClients
package import NIOCore
internal import NIOHPACK
internal import NIOHTTP2
internal import NIOPosix
internal import SystemSupport
internal import PeerLimits
private import Synchronization
package import TransportSecurity

/// Answers unary gRPC calls, in plain text or over TLS: any method, messages as bytes.
///
/// A client that breaks HTTP/2 loses its connection, one that breaks gRPC gets a status; neither disturbs the others. Compressed requests
/// are taken (gzip, deflate), answers are not compressed. Pings are answered as often as they come, within what no client needs. Who may not
/// call is told so.
package final class GRPCServer: Sendable {
    /// Makes the answer to a call. Its task is cancelled once the client gives up.
    package typealias Answer = @Sendable (RelayedCall) async throws(GRPCStatus) -> ByteBuffer

    /// More calls of one connection wait with the client. Twice what a listener passes to its master at once, so that metrics pass those that hang
    /// there.
    private static let streamsPerConnection = 512
    /// What a client may send ahead, on one stream and on all of a connection.
    private static let window = 1 << 20
    /// How many calls of one who may not call are refused at a time.
    private static let streamsPerStranger = 8
    private static let backlog = 256

    /// How long a client may take to begin with HTTP/2.
    package static let patience = TimeAmount.seconds(10)
    /// How long a request may take to come, and its answer to be taken: on one machine the largest needs a second.
    package static let requestPatience = TimeAmount.seconds(60)

    private struct State {
        var listener: (any Channel)?
        var isStopping = false
    }

    /// A connection for which there is no room.
    private struct NoRoom: Error {}

    private let answer: Answer
    private let budget: RequestBudget
    private let limits: ConnectionTable.Limits
    private let grace: TimeAmount
    private let patience: TimeAmount
    private let requestPatience: TimeAmount
    private let security: ServerSecurity?
    private let connections: ServerConnections
    private let doorkeeper: Doorkeeper
    private let report: ConnectionReport
    private let calls: AsyncStream<GRPCServerCall>
    private let incoming: AsyncStream<GRPCServerCall>.Continuation
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limits: how many connections there may be.
    ///   - doorkeeper: says who may call.
    ///   - security: what secures connections; `nil`: they are in plain text.
    ///   - grace: how long calls that are under way may take to end when the server stops.
    ///   - patience: how long a client may take to begin with HTTP/2.
    ///   - requestPatience: how long a request may take to come, from its headers on, and its answer to be taken.
    package init(
        budget: RequestBudget = RequestBudget(), limits: ConnectionTable.Limits, doorkeeper: Doorkeeper,
        report: ConnectionReport, security: ServerSecurity? = nil, grace: TimeAmount = .seconds(1),
        patience: TimeAmount = GRPCServer.patience,
        requestPatience: TimeAmount = GRPCServer.requestPatience, answer: @escaping Answer
    ) {
        self.answer = answer
        self.budget = budget
        self.limits = limits
        self.grace = grace
        self.patience = patience
        self.requestPatience = requestPatience
        self.doorkeeper = doorkeeper
        self.security = security
        self.report = report
        connections = ServerConnections(limits: limits, report: report)
        // Never more than the streams of all connections.
        (calls, incoming) = AsyncStream.makeStream()
    }

    /// Listens. Calls are answered while `run` runs. May be called once.
    ///
    /// - Returns: the place, with the port that was taken if it was 0.
    /// - Throws: also `UnixListenerError`.
    package func listen(at place: ListenPlace) async throws -> ListenPlace {
        let channel: any Channel
        switch place {
        case .tcp(let host, let port):
            channel = try await bootstrap.bind(host: host, port: port).get()
        case .unix(let path):
            let socket = try UnixListener(path: path, mode: doorkeeper.socketMode, backlog: CInt(Self.backlog))
            channel = try await bootstrap.withBoundSocket(socket.descriptor).get()
            channel.closeFuture.whenComplete { _ in socket.remove() }
        }
        channel.closeFuture.whenComplete { [self] _ in stop() }
        let isStopping = state.withLock { state in
            state.listener = channel
            return state.isStopping
        }
        if isStopping { channel.close(promise: nil) }
        guard case .tcp(let host, let port) = place else { return place }
        return .tcp(host: host, port: channel.localAddress?.port ?? port)
    }

    private var bootstrap: ServerBootstrap {
        ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // Or a connection that was open at the end would hold the port for a minute (TIME_WAIT).
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: Int32(Self.backlog))
            .serverChannelOption(.maxMessagesPerRead, value: UInt(AcceptGate.acceptsPerRead))
            .serverChannelInitializer { [limits] listener in
                listener.eventLoop.makeCompletedFuture {
                    try listener.pipeline.syncOperations.addHandler(
                        AcceptGate(limit: limits.arriving), position: .first)
                }
            }
            .childChannelInitializer { [self] channel in
                welcome(channel).always { _ in
                    guard let listener = channel.parent else { return }
                    listener.eventLoop.execute {
                        try? listener.pipeline.syncOperations.handler(type: AcceptGate.self).finish()
                    }
                }
            }
    }

    /// Nothing is read of a connection until it is known whose it is.
    private func welcome(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard let ticket = connections.arrive(channel, whenClosed: { [self] in endIfIdle() }) else {
            return channel.eventLoop.makeFailedFuture(NoRoom())
        }
        return doorkeeper.judge(channel).flatMapThrowing { [self] verdict in
            switch verdict {
            case .allowed(let user):
                guard connections.settle(ticket, as: .caller(user)) else { throw NoRoom() }
                try configure(channel, ticket, streams: Self.streamsPerConnection, window: Self.window) {
                    [budget, requestPatience, incoming] in
                    GRPCServerStream(budget: budget, patience: requestPatience) { incoming.yield($0) }
                }
            case .refused(let reason):
                guard connections.settle(ticket, as: .stranger) else { throw NoRoom() }
                try refuse(channel, ticket, reason)
            }
        }
    }

    /// The caller gets HTTP/2, but nothing of what they call is taken; the connection ends with the first call, and soon in any case.
    private func refuse(_ channel: any Channel, _ ticket: ServerConnections.Ticket, _ reason: String) throws {
        let told: @Sendable () -> Void = { [report, grace] in
            report.record(.stranger, detail: reason)
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            // A client that does not end its call keeps the connection no longer than one that does.
            channel.eventLoop.scheduleTask(in: grace) { channel.close(promise: nil) }
        }
        try configure(channel, ticket, streams: Self.streamsPerStranger, window: 0) {
            RefusingStream(reason: reason, told: told)
        }
        channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
    }

    /// How many connections are open.
    var connectionCount: Int { connections.count }

    /// Answers calls until the server is stopped and the last connection is closed.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await call in calls { group.addTask { [answer] in await call.serve(answer) } }
        }
    }

    /// Takes no more connections and tells the clients to make no more calls; connections end with their last call, or after the grace.
    /// May be called from anywhere, any number of times.
    package func stop() {
        let listener: (any Channel)?? = state.withLock { state in
            guard !state.isStopping else { return nil }
            state.isStopping = true
            return .some(state.listener)
        }
        guard let listener else { return }
        listener?.close(promise: nil)
        for channel in connections.stop() {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        endIfIdle()
        MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: grace) { [self] in
            for channel in connections.channels { channel.close(promise: nil) }
        }
    }

    private func endIfIdle() {
        if state.withLock({ $0.isStopping }), connections.count == 0 { incoming.finish() }
    }

    /// - Parameter window: what a client may send ahead on one stream, in bytes.
    private func configure(
        _ channel: any Channel, _ ticket: ServerConnections.Ticket, streams: Int, window: Int,
        handler: @escaping @Sendable () -> any ChannelHandler
    ) throws {
        var configuration = NIOHTTP2Handler.Configuration.forGRPC
        configuration.connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: streams),
            HTTP2Setting(parameter: .initialWindowSize, value: window),
            HTTP2Setting(parameter: .maxHeaderListSize, value: HPACKDecoder.defaultMaxHeaderListSize),
        ]
        configuration.connection.targetWindowSize = Self.window
        configuration.stream.targetWindowSize = window
        // Says GOAWAY when told to, and closes after the last stream.
        let closing = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop,
            configuration: .init(maxIdleTime: nil, maxAge: nil, maxGraceTime: nil, keepalive: nil))
        let http2 = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: configuration.connection,
            streamConfiguration: configuration.stream,
            streamDelegate: CallCounter(activity: ticket.activity, next: closing.http2StreamDelegate)
        ) { stream in
            stream.eventLoop.makeCompletedFuture { try stream.pipeline.syncOperations.addHandler(handler()) }
        }
        try channel.pipeline.syncOperations.addHandlers([
            FrameMeter.ofClient(), http2, closing,
            ServerConnectionHandler(activity: ticket.activity, patience: patience, report: report),
            UnreadAnswers(patience: requestPatience, report: report),
        ])
        try security?.secure(channel)
    }
}

/// Where a server listens.
package enum ListenPlace: Hashable, Sendable {
    /// An IPv4 or IPv6 address, without brackets. Port 0 takes a free one.
    case tcp(host: String, port: Int)
    /// The absolute path of a Unix socket.
    case unix(path: String)
}
