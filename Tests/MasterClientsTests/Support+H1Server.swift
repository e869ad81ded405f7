import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP/1.1 server that answers as a test tells it.
final class H1Server: Sendable {
    struct Request: Sendable {
        var method: String
        var path: String
        var headers: [String: String]
        var body: String
    }

    enum Answer: Sendable {
        case whole(Int, [UInt8], headers: [(String, String)] = [])
        /// The head and a part of the body, and then nothing.
        case stalled
        case never
        case close
    }

    let port: Int
    private let listener: any Channel
    private let seen: Record

    private init(_ listener: any Channel, _ seen: Record) {
        self.listener = listener
        self.seen = seen
        port = listener.localAddress?.port ?? 0
    }

    var requests: [Request] { seen.state.withLock { $0.requests } }
    var connectionCount: Int { seen.state.withLock { $0.connections } }

    static func start(
        host: String = "127.0.0.1", port: Int = 0, _ answer: @escaping @Sendable (Request) -> Answer
    ) async throws -> H1Server {
        let seen = Record()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                seen.state.withLock { $0.connections += 1 }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(seen, answer))
                }
            }
            .bind(host: host, port: port).get()
        return H1Server(listener, seen)
    }

    func stop() async { try? await listener.close() }

    private final class Record: Sendable {
        let state = Mutex((requests: [Request](), connections: 0))
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let seen: Record
        private let answer: @Sendable (Request) -> Answer
        private var request = Request(method: "", path: "", headers: [:], body: "")

        init(_ seen: Record, _ answer: @escaping @Sendable (Request) -> Answer) {
            self.seen = seen
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                request = Request(
                    method: head.method.rawValue, path: head.uri,
                    headers: Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { $0 + "," + $1 },
                    body: "")
            case .body(let piece): request.body += String(buffer: piece)
            case .end:
                seen.state.withLock { $0.requests.append(request) }
                respond(answer(request), context)
            }
        }

        private func respond(_ answer: Answer, _ context: ChannelHandlerContext) {
            func head(_ status: Int, _ headers: HTTPHeaders) {
                let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
                context.write(wrapOutboundOut(.head(head)), promise: nil)
            }
            func body(_ bytes: [UInt8]) {
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            }
            switch answer {
            case .whole(let status, let bytes, let headers):
                head(status, HTTPHeaders(headers + [("content-length", "\(bytes.count)")]))
                body(bytes)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            case .stalled:
                head(200, ["content-length": "100"])
                body([1, 2, 3])
                context.flush()
            case .never: break
            case .close: context.close(promise: nil)
            }
        }
    }
}
