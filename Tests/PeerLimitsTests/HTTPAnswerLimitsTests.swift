import NIOCore
import NIOHTTP1
import NIOPosix
import PeerLimits
import PlainHTTP
import Testing

/// Servers that send nothing without end, over real connections. Without the limits none of these tests would end.
@Suite(.serialized) struct HTTPAnswerLimitsTests {
    /// Says `beginning` to whoever sends something, and then `rest` again and again for as long as the client reads.
    private static func withServer(
        _ beginning: String, _ rest: String, times: Int = .max, _ body: (Int) async throws -> Void
    ) async throws {
        // Much at a time: each write takes a turn of an event loop that other tests share.
        let rest = times == .max ? String(repeating: rest, count: 16384 / rest.utf8.count) : rest
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Talker(beginning, rest, times: times))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        try await body(listener.localAddress?.port ?? 0)
        try await listener.close()
    }

    private final class Talker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let (beginning, rest): (ByteBuffer, ByteBuffer)
        private var times: Int
        private var hasBegun = false

        init(_ beginning: String, _ rest: String, times: Int) {
            (self.beginning, self.rest) = (ByteBuffer(string: beginning), ByteBuffer(string: rest))
            self.times = times
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !hasBegun else { return }
            hasBegun = true
            context.write(wrapOutboundOut(beginning), promise: nil)
            talk(context)
        }

        private func talk(_ context: ChannelHandlerContext) {
            guard times > 0 else { return }
            times -= 1
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            let eventLoop = context.eventLoop
            context.writeAndFlush(wrapOutboundOut(rest)).whenSuccess {
                // Each time anew, or the stack would grow.
                eventLoop.execute { bound.value.0.talk(bound.value.1) }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private static func get(_ port: Int, bodyBytes: Int = 64 << 10) async throws -> Int {
        try await bytes(client(port, bodyBytes: bodyBytes))
    }

    private static func client(_ port: Int, bodyBytes: Int) -> HTTPClient {
        HTTPClient(
            host: "127.0.0.1", port: port, connectTimeout: .seconds(60), wanted: .init(bodyBytes: bodyBytes))
    }

    private static func bytes(_ client: HTTPClient) async throws -> Int {
        var mayHaveArrived = false
        return try await client.call(.GET, "/", deadline: .seconds(3600), mayHaveArrived: &mayHaveArrived).body.count
    }

    private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test(arguments: [
        ("", "HTTP/1.1 100 Continue\r\n\r\n", "more than 16 answers that only say to go on (1xx)"),
        ("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "more than 16 answers that only say to go on (1xx)"),
        (chunked, "1\r\nx\r\n", "its answer in too many small pieces"),
        (chunked, "255\r\n" + String(repeating: "x", count: 0x255) + "\r\n", "its body has more than 65536 bytes"),
        (chunked + "1;a=", String(repeating: "b", count: 1000), "more than 393216 bytes"),
        ("", String(repeating: "\r\n", count: 500), "more than 393216 bytes"),
        ("HTTP/1.1 200 OK\r\n\r\n", String(repeating: "y", count: 1000), "its body has more than 65536 bytes"),
    ])
    func nothingWithoutEnd(beginning: String, rest: String, said: String) async throws {
        try await Self.withServer(beginning, rest) { port in
            let error = await #expect(throws: (any Error).self) { try await Self.get(port) }
            #expect((error as? PeerFlood)?.what ?? (error as? HTTPCallError)?.description == said)
        }
    }

    @Test func anHonestAnswerIsTaken() async throws {
        // 900 one-byte chunks, after a few 1xx.
        let beginning = String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 5) + Self.chunked
        try await Self.withServer(beginning, String(repeating: "1\r\nx\r\n", count: 900) + "0\r\n\r\n", times: 1) {
            let count = try await Self.get($0)
            #expect(count == 900)
        }
        let length = 64 << 10
        try await Self.withServer(
            "HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n", String(repeating: "x", count: length), times: 1
        ) {
            let count = try await Self.get($0)
            #expect(count == length)
        }
    }

    /// A connection that is used again begins anew.
    @Test func eachAnswerHasItsOwnLimits() async throws {
        let answer = Self.chunked + String(repeating: "1\r\nx\r\n", count: 900) + "0\r\n\r\n"
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answerer(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = Self.client(listener.localAddress?.port ?? 0, bodyBytes: 4096)
        for _ in 0..<5 {
            let count = try await Self.bytes(client)
            #expect(count == 900)
        }
        await client.close()
        try await listener.close()
    }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answer: ByteBuffer

        init(_ answer: String) { self.answer = ByteBuffer(string: answer) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        }
    }
}
