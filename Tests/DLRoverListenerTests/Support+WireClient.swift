import MasterClients
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Synchronization
import TestSupport
import Testing

/// An HTTP/2 client that sends the frames a test tells it, also ones that no gRPC client sends, and keeps all that it gets.
final class WireClient: Sendable {
    /// What came on one stream.
    struct Answer: Sendable {
        var headers: [[String: String]] = []
        var body: [UInt8] = []
        var isEnd = false
        var reset: HTTP2ErrorCode?

        /// The status in the trailers.
        var status: String? { headers.last?["grpc-status"] }
        var message: String? { headers.last?["grpc-message"].map(PercentCoding.decode) }
    }

    private struct Seen {
        var answers: [HTTP2StreamID: Answer] = [:]
        var goAways: [HTTP2StreamID] = []
        var settings: HTTP2Settings = []
        var pings = 0
        var isClosed = false
    }

    private let channel: any Channel
    private let seen: Seens

    /// The lock, where the handler and the client both reach it.
    private final class Seens: Sendable {
        let value = Mutex(Seen())
    }

    private init(channel: any Channel, seen: Seens) {
        self.channel = channel
        self.seen = seen
    }

    /// Connects, and waits for the server's settings.
    static func connect(host: String = "127.0.0.1", port: Int) async throws -> WireClient {
        try await connect { try await $0.connect(host: host, port: port).get() }
    }

    static func connect(path: String) async throws -> WireClient {
        try await connect { try await $0.connect(unixDomainSocketPath: path).get() }
    }

    private static func connect(
        _ open: (ClientBootstrap) async throws -> any Channel
    ) async throws -> WireClient {
        let seen = Seens()
        let channel = try await open(
            ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    var configuration = NIOHTTP2Handler.Configuration.forGRPC
                    configuration.connection.headerBlockValidation = .disabled
                    try channel.pipeline.syncOperations.addHandlers([
                        NIOHTTP2Handler(
                            mode: .client, connectionConfiguration: configuration.connection,
                            streamConfiguration: configuration.stream),
                        Recorder(seen: seen),
                    ])
                }
            })
        let client = WireClient(channel: channel, seen: seen)
        try await eventually { !client.settings.isEmpty }
        return client
    }

    var settings: HTTP2Settings { seen.value.withLock { $0.settings } }
    /// The last stream of each GOAWAY.
    var goAways: [HTTP2StreamID] { seen.value.withLock { $0.goAways } }
    var answeredPings: Int { seen.value.withLock { $0.pings } }
    var isClosed: Bool { seen.value.withLock { $0.isClosed } }

    func answer(_ stream: Int) -> Answer { seen.value.withLock { $0.answers[HTTP2StreamID(stream)] ?? Answer() } }

    /// The answer on a stream, once it has ended.
    func end(_ stream: Int) async throws -> Answer {
        try await eventually { answer(stream).isEnd || answer(stream).reset != nil || isClosed }
        return answer(stream)
    }

    func send(_ stream: Int, _ payload: HTTP2Frame.FramePayload) {
        channel.writeAndFlush(HTTP2Frame(streamID: HTTP2StreamID(stream), payload: payload), promise: nil)
    }

    /// Sends the headers of a call.
    func begin(_ stream: Int, _ changes: [String: String?] = [:], isEnd: Bool = false) {
        var fields: [String: String?] = [
            ":method": "POST", ":scheme": "http", ":authority": "a", ":path": "/elastic.Master/get", "te": "trailers",
            "content-type": "application/grpc",
        ]
        fields.merge(changes) { $1 }
        // Pseudo-headers stand before all others; a colon sorts before letters.
        let sorted = fields.sorted { $0.key < $1.key }.compactMap { name, value in value.map { (name, $0) } }
        send(stream, .headers(.init(headers: HPACKHeaders(sorted), endStream: isEnd)))
    }

    /// Sends the headers of a call, and these after them.
    func begin(_ stream: Int, fields: [(String, String)]) {
        let call = [
            (":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/elastic.Master/get"),
            ("te", "trailers"), ("content-type", "application/grpc"),
        ]
        send(stream, .headers(.init(headers: HPACKHeaders(call + fields), endStream: false)))
    }

    func data(_ stream: Int, _ bytes: some Collection<UInt8>, isEnd: Bool = false) {
        send(stream, .data(.init(data: .byteBuffer(ByteBuffer(bytes: bytes)), endStream: isEnd)))
    }

    /// A whole call with an uncompressed message, and its answer.
    func call(_ stream: Int, _ message: [UInt8], _ changes: [String: String?] = [:]) async throws -> Answer {
        begin(stream, changes)
        data(stream, Self.framed(message), isEnd: true)
        return try await end(stream)
    }

    func close() async { try? await channel.close() }

    static func framed(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        [flag] + (0..<4).map { UInt8(truncatingIfNeeded: message.count >> (24 - 8 * $0)) } + message
    }

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame

        private let seen: Seens

        init(seen: Seens) { self.seen = seen }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = unwrapInboundIn(data)
            seen.value.withLock { seen in
                switch frame.payload {
                case .headers(let block):
                    seen.answers[frame.streamID, default: Answer()].headers.append(
                        Dictionary(block.headers.map { ($0.name, $0.value) }) { $0 + "," + $1 })
                    if block.endStream { seen.answers[frame.streamID]?.isEnd = true }
                case .data(let piece):
                    guard case .byteBuffer(let bytes) = piece.data else { return }
                    seen.answers[frame.streamID, default: Answer()].body += Array(buffer: bytes)
                case .rstStream(let code): seen.answers[frame.streamID, default: Answer()].reset = code
                case .goAway(let last, _, _): seen.goAways.append(last)
                case .settings(.settings(let settings)): seen.settings = settings
                case .ping(_, ack: true): seen.pings += 1
                default: break
                }
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            seen.value.withLock { $0.isClosed = true }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }
}
