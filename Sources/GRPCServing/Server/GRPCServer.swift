package import MasterClients
package import NIOCore
internal import NIOHPACK
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOPosix
internal import SystemSupport
internal import PeerLimits
private import Synchronization
package import TransportSecurity

/// Answers unary gRPC calls, in plain text or over TLS: any method, messages as bytes. Where `listen` says so, calls of DLRover's HTTP protocol
/// instead (`PostConnection`). All places where it listens have the same bounds together, and the same callers.
///
/// A client that breaks HTTP/2 loses its connection, one that breaks gRPC gets a status; neither disturbs the others. Compressed requests
/// are taken (gzip, deflate), answers are not compressed. Pings are answered as often as they come, within what no client needs. Who may not
/// call is told so.
package final class GRPCServer: Sendable {
    /// Makes the answer to a call. Its task is cancelled once the client gives up.
    package typealias Answer = @Sendable (RelayedCall) async throws(GRPCStatus) -> ByteBuffer

    /// Makes the answer to a call over HTTP/1.1; cancelled as the other one.
    package typealias AnswerPost = @Sendable (RelayedPost) async -> PostAnswer

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
        var listeners: [any Channel] = []
        var isStopping = false
    }

    /// A connection for which there is no room.
    private struct NoRoom: Error {}
    /// Work for the answer to a call.
    private typealias Work = @Sendable () async -> Void

    private let answer: Answer
    private let answerPost: AnswerPost
    private let budget: RequestBudget
    private let limits: ConnectionTable.Limits
    private let times: PostConnection.Times
    private var grace: TimeAmount { times.grace }
    private var patience: TimeAmount { times.patience }
    private var requestPatience: TimeAmount { times.requestPatience }
    private let security: ServerSecurity?
    private let connections: ServerConnections
    private let doorkeeper: Doorkeeper
    private let report: ConnectionReport
    private let calls: AsyncStream<Work>
    private let incoming: AsyncStream<Work>.Continuation
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limits: how many connections there may be.
    ///   - doorkeeper: says who may call.
    ///   - security: what secures connections; `nil`: they are in plain text.
    ///   - grace: how long calls that are under way may take to end when the server stops.
    ///   - patience: how long a client may take to begin with HTTP/2, or to send the head of its first request.
    ///   - requestPatience: how long a request may take to come, from its headers on, and its answer to be taken.
    ///   - answerPost: for places where HTTP/1.1 is spoken.
    package init(
        budget: RequestBudget = RequestBudget(), limits: ConnectionTable.Limits, doorkeeper: Doorkeeper,
        report: ConnectionReport, security: ServerSecurity? = nil, grace: TimeAmount = .seconds(1),
        patience: TimeAmount = GRPCServer.patience,
        requestPatience: TimeAmount = GRPCServer.requestPatience,
        answerPost: @escaping AnswerPost = { _ in PostAnswer(status: 501, "only gRPC is spoken here") },
        answer: @escaping Answer
    ) {
        self.answer = answer
        self.answerPost = answerPost
        self.budget = budget
        self.limits = limits
        times = PostConnection.Times(patience: patience, requestPatience: requestPatience, grace: grace)
        self.doorkeeper = doorkeeper
        self.security = security
        self.report = report
        connections = ServerConnections(limits: limits, report: report)
        // Never more than the streams of all connections.
        (calls, incoming) = AsyncStream.makeStream()
    }

    /// Listens. Calls are answered while `run` runs. May be called once for each place.
    ///
    /// - Parameter wire: what is spoken there.
    /// - Returns: the place, with the port that was taken if it was 0.
    /// - Throws: also `UnixListenerError`.
    package func listen(at place: ListenPlace, speaking wire: ListenWire = .grpc) async throws -> ListenPlace {
        let channel: any Channel
        let bootstrap = bootstrap(for: wire, at: place)
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
            state.listeners.append(channel)
            return state.isStopping
        }
        if isStopping { channel.close(promise: nil) }
        guard case .tcp(let host, let port) = place else { return place }
        return .tcp(host: host, port: channel.localAddress?.port ?? port)
    }

    private func bootstrap(for wire: ListenWire, at place: ListenPlace) -> ServerBootstrap {
        let rules: PostRules? =
            switch (wire, place) {
            case (.grpc, _): nil
            case (.http, .tcp(let host, _)): PostRules(host: host)
            case (.http, .unix): PostRules(host: "localhost")
            }
        return ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
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
                welcome(channel, rules).always { _ in
                    guard let listener = channel.parent else { return }
                    listener.eventLoop.execute {
                        try? listener.pipeline.syncOperations.handler(type: AcceptGate.self).finish()
                    }
                }
            }
    }

    /// Nothing is read of a connection until it is known whose it is.
    ///
    /// - Parameter rules: of HTTP/1.1; `nil`: gRPC is spoken.
    private func welcome(_ channel: any Channel, _ rules: PostRules?) -> EventLoopFuture<Void> {
        guard let ticket = connections.arrive(channel, whenClosed: { [self] in endIfIdle() }) else {
            return channel.eventLoop.makeFailedFuture(NoRoom())
        }
        return doorkeeper.judge(channel).flatMapThrowing { [self] verdict in
            switch verdict {
            case .allowed(let user):
                guard connections.settle(ticket, as: .caller(user)) else { throw NoRoom() }
                if let rules {
                    let caller = PostConnection.Caller.allowed { [incoming, answerPost] call in
                        incoming.yield { await call.serve(answerPost) }
                    }
                    return try configure(channel, ticket, posts: caller, rules)
                }
                try configure(channel, ticket, streams: Self.streamsPerConnection, window: Self.window) {
                    [budget, requestPatience, incoming, answer] in
                    GRPCServerStream(budget: budget, patience: requestPatience) { call in
                        incoming.yield { await call.serve(answer) }
                    }
                }
            case .refused(let reason):
                guard connections.settle(ticket, as: .stranger) else { throw NoRoom() }
                try refuse(channel, ticket, reason, rules)
            }
        }
    }

    /// The caller gets an answer, but nothing of what they call is taken; the connection ends with the first call, and soon in any case.
    private func refuse(
        _ channel: any Channel, _ ticket: ServerConnections.Ticket, _ reason: String, _ rules: PostRules?
    ) throws {
        let told: @Sendable () -> Void = { [report, grace] in
            report.record(.stranger, detail: reason)
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            // A client that does not end its call keeps the connection no longer than one that does.
            channel.eventLoop.scheduleTask(in: grace) { channel.close(promise: nil) }
        }
        if let rules {
            try configure(channel, ticket, posts: .stranger(reason: reason, told: told), rules)
        } else {
            try configure(channel, ticket, streams: Self.streamsPerStranger, window: 0) {
                RefusingStream(reason: reason, told: told)
            }
        }
        channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
    }

    /// How many connections are open.
    var connectionCount: Int { connections.count }

    /// Answers calls until the server is stopped and the last connection is closed.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await call in calls { group.addTask { await call() } }
        }
        // The file of a socket goes when its listener has closed: the process must not end before.
        for listener in state.withLock(\.listeners) { try? await listener.closeFuture.get() }
    }

    /// Takes no more connections and tells the clients to make no more calls; connections end with their last call, or after the grace.
    /// May be called from anywhere, any number of times.
    package func stop() {
        let listeners: [any Channel]? = state.withLock { state in
            guard !state.isStopping else { return nil }
            state.isStopping = true
            return state.listeners
        }
        guard let listeners else { return }
        for listener in listeners { listener.close(promise: nil) }
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

    /// For DLRover's HTTP protocol.
    private func configure(
        _ channel: any Channel, _ ticket: ServerConnections.Ticket, posts caller: PostConnection.Caller,
        _ rules: PostRules
    ) throws {
        let wire = WireAllowance()
        try channel.pipeline.syncOperations.addHandlers([
            wire, HTTPResponseEncoder(),
            ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: PostRules.decoderLimits)),
            PostConnection(
                caller, rules: rules, budget: budget, activity: ticket.activity, times: times, wire: wire,
                report: report),
        ])
        try security?.secure(channel)
    }

    /// For gRPC.
    ///
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
