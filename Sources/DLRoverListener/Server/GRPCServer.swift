internal import MasterClients
internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2
internal import NIOPosix
private import Synchronization

/// Answers unary gRPC calls in plain text: any method, messages as bytes.
///
/// A client that breaks HTTP/2 loses its connection, one that breaks gRPC gets a status; neither disturbs the others. Compressed requests
/// are taken (gzip, deflate), answers are not compressed. Pings are answered as often as they come, within what no client needs.
final class GRPCServer: Sendable {
    /// Makes the answer to a call. Its task is cancelled once the client gives up.
    typealias Answer = @Sendable (RelayedCall) async throws(GRPCStatus) -> ByteBuffer

    /// More calls of one connection wait with the client.
    private static let streamsPerConnection = 1024
    /// What a client may send ahead, on one stream and on all of a connection.
    private static let window = 1 << 20

    private struct State {
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var isStopping = false
    }

    private let answer: Answer
    private let budget: RequestBudget
    private let grace: TimeAmount
    private let calls: AsyncStream<GRPCServerCall>
    private let incoming: AsyncStream<GRPCServerCall>.Continuation
    private let state = Mutex(State())

    /// - Parameter grace: how long calls that are under way may take to end when the server stops.
    init(budget: RequestBudget = RequestBudget(), grace: TimeAmount = .seconds(1), answer: @escaping Answer) {
        self.answer = answer
        self.budget = budget
        self.grace = grace
        // Never more than the streams of all connections.
        (calls, incoming) = AsyncStream.makeStream()
    }

    /// Opens the port. Calls are answered while `run` runs. May be called once.
    ///
    /// - Returns: the port, also if it was 0 and a free one was taken.
    func listen(host: String, port: Int) async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try configure(channel)
                    add(channel)
                }
            }
            .bind(host: host, port: port).get()
        channel.closeFuture.whenComplete { [self] _ in stop() }
        let isStopping = state.withLock { state in
            state.listener = channel
            return state.isStopping
        }
        if isStopping { channel.close(promise: nil) }
        return channel.localAddress?.port ?? port
    }

    /// Answers calls until the server is stopped and the last connection is closed.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await call in calls { group.addTask { [answer] in await call.serve(answer) } }
        }
    }

    /// Takes no more connections and tells the clients to make no more calls; connections end with their last call, or after the grace.
    /// May be called from anywhere, any number of times.
    func stop() {
        let (listener, open): ((any Channel)?, [any Channel]) = state.withLock { state in
            guard !state.isStopping else { return (nil, []) }
            state.isStopping = true
            return (state.listener, Array(state.connections.values))
        }
        listener?.close(promise: nil)
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        endIfIdle()
        MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: grace) { [self] in
            for channel in state.withLock({ $0.connections.values }) { channel.close(promise: nil) }
        }
    }

    private func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        let isStopping = state.withLock { state in
            state.connections[id] = channel
            return state.isStopping
        }
        channel.closeFuture.whenComplete { [self] _ in
            state.withLock { $0.connections[id] = nil }
            endIfIdle()
        }
        if isStopping { channel.close(promise: nil) }
    }

    private func endIfIdle() {
        if state.withLock({ $0.isStopping && $0.connections.isEmpty }) { incoming.finish() }
    }

    private func configure(_ channel: any Channel) throws {
        var configuration = NIOHTTP2Handler.Configuration.forGRPC
        configuration.connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: Self.streamsPerConnection),
            HTTP2Setting(parameter: .initialWindowSize, value: Self.window),
            HTTP2Setting(parameter: .maxHeaderListSize, value: HPACKDecoder.defaultMaxHeaderListSize),
        ]
        configuration.connection.targetWindowSize = Self.window
        configuration.stream.targetWindowSize = Self.window
        // Says GOAWAY when told to, and closes after the last stream.
        let closing = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop,
            configuration: .init(maxIdleTime: nil, maxAge: nil, maxGraceTime: nil, keepalive: nil))
        let (budget, incoming) = (budget, incoming)
        let http2 = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: configuration.connection,
            streamConfiguration: configuration.stream, streamDelegate: closing.http2StreamDelegate
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(
                    GRPCServerStream(budget: budget) { incoming.yield($0) })
            }
        }
        try channel.pipeline.syncOperations.addHandlers([http2, closing, ConnectionErrorHandler()])
    }
}

/// Closes a connection whose client does not speak HTTP/2. The last handler of the connection.
private final class ConnectionErrorHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !Self.concernsOneStream(error) { context.close(promise: nil) }
    }

    /// Whether the HTTP/2 handler has reset a stream over it and goes on with the others. It says the same of both kinds of errors here.
    private static func concernsOneStream(_ error: any Error) -> Bool {
        switch error {
        case is NIOHTTP2Errors.StreamError, is NIOHTTP2Errors.NoSuchStream, is NIOHTTP2Errors.StreamClosed,
            is NIOHTTP2Errors.BadStreamStateTransition, is NIOHTTP2Errors.ContentLengthViolated,
            is NIOHTTP2Errors.ContentLengthHeadersMismatch, is NIOHTTP2Errors.ContentLengthHeaderNegative,
            is NIOHTTP2Errors.ContentLengthHeaderMalformedValue, is NIOHTTP2Errors.InvalidWindowIncrementSize,
            is NIOHTTP2Errors.TrailersWithoutEndStream,
            is NIOHTTP2Errors.PseudoHeaderAfterRegularHeader, is NIOHTTP2Errors.UnknownPseudoHeader,
            is NIOHTTP2Errors.UnsupportedPseudoHeader, is NIOHTTP2Errors.DuplicatePseudoHeader,
            is NIOHTTP2Errors.MissingPseudoHeader, is NIOHTTP2Errors.InvalidPseudoHeaders,
            is NIOHTTP2Errors.InvalidPseudoHeaderValue, is NIOHTTP2Errors.EmptyPathHeader,
            is NIOHTTP2Errors.ForbiddenHeaderField, is NIOHTTP2Errors.InvalidHTTP2HeaderFieldName,
            is NIOHTTP2Errors.InvalidHTTP2HeaderFieldValue:
            true
        default: false
        }
    }
}
