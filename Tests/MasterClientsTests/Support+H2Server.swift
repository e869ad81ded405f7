import NIOCore
import NIOHTTP2
import NIOPosix

/// An HTTP/2 server that does what a test tells it, also what no server should.
final class H2Server: Sendable {
    /// What to answer with, step by step.
    enum Step: Sendable {
        case headers([(String, String)], isEnd: Bool)
        case data([UInt8], isEnd: Bool)
        case reset(HTTP2ErrorCode)
        case goAway(last: Int, HTTP2ErrorCode)
        /// Closes the connection.
        case close

        static let head = Step.headers([(":status", "200"), ("content-type", "application/grpc")], isEnd: false)

        /// A gRPC message with its prefix.
        static func message(_ bytes: [UInt8]) -> Step {
            let count = UInt32(bytes.count)
            let prefix = [0, UInt8(count >> 24), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)]
            return .data(prefix + bytes, isEnd: false)
        }

        static func trailers(_ status: Int, _ message: String? = nil) -> Step {
            .headers([("grpc-status", "\(status)")] + (message.map { [("grpc-message", $0)] } ?? []), isEnd: true)
        }

        /// A whole good answer.
        static func good(_ bytes: [UInt8] = [8, 1]) -> [Step] { [.head, .message(bytes), .trailers(0)] }

        /// A status without a message, in one frame.
        static func trailersOnly(_ status: Int, _ message: String) -> [Step] {
            [
                .headers(
                    [
                        (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "\(status)"),
                        ("grpc-message", message),
                    ], isEnd: true)
            ]
        }
    }

    struct Options: Sendable {
        var maxStreams = 100
        var window = 65535
        /// Hands the request on at its headers, and never reads its body.
        var isEarly = false
        var host = "127.0.0.1"
        var port = 0
    }

    let port: Int
    /// The requests that no automatic answer was given to.
    let exchanges: AsyncStream<H2Exchange>
    private let listener: any Channel
    private let connections: ConnectionList

    private init(listener: any Channel, exchanges: AsyncStream<H2Exchange>, connections: ConnectionList) {
        self.listener = listener
        self.exchanges = exchanges
        self.connections = connections
        port = listener.localAddress?.port ?? 0
    }

    /// How many connections were made so far.
    var connectionCount: Int { connections.all.count }

    /// - Parameter answer: answers each request at once; `nil`: the test takes them from `exchanges`.
    static func start(
        _ options: Options = Options(), answer: (@Sendable (H2Exchange) -> [Step])? = nil
    ) async throws -> H2Server {
        let (stream, continuation) = AsyncStream.makeStream(of: H2Exchange.self)
        let made = ConnectionList()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                made.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    try configure(channel, options) { exchange in
                        if let answer { exchange.perform(answer(exchange)) } else { continuation.yield(exchange) }
                    }
                }
            }
            .bind(host: options.host, port: options.port).get()
        return H2Server(listener: listener, exchanges: stream, connections: made)
    }

    func stop() async {
        try? await listener.close()
        for channel in connections.all { try? await channel.close() }
    }

    /// Nothing goes in or out any more on the connections that there are, as if the machine was gone.
    func freeze() async {
        for channel in connections.all {
            try? await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(Swallower(), position: .first)
            }.get()
        }
    }

    private final class Swallower: ChannelDuplexHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundIn = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            promise?.succeed()
        }
    }

    private static func configure(
        _ channel: any Channel, _ options: Options, _ handle: @escaping @Sendable (H2Exchange) -> Void
    ) throws {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: options.maxStreams),
            HTTP2Setting(parameter: .initialWindowSize, value: options.window),
        ]
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.targetWindowSize = options.window
        stream.streamResetFrameRateLimit.maximumCount = 100_000
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: connection,
            streamConfiguration: stream
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                if options.isEarly { try stream.syncOptions?.setOption(.autoRead, value: false) }
                try stream.pipeline.syncOperations.addHandler(H2StreamHandler(isEarly: options.isEarly, handle: handle))
                if options.isEarly { stream.read() }
            }
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }
}
