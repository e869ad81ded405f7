import NIOCore
import NIOPosix
import Synchronization

/// An HTTP/1 server on 127.0.0.1 that answers every request with the same bytes, well-formed or not.
final class MisbehavingServer: Sendable {
    enum Behaviour: Sendable {
        /// Sends this and closes.
        case answer(String)
        /// Sends this and then nothing more, with the connection open.
        case hang(after: String)
        /// Sends the first, and then the second again and again: at once, or with a pause in between.
        case repeating(after: String, String, pause: TimeAmount?)
        /// Closes the connection without a word.
        case close
    }

    private let channel: any Channel
    private let requests: Requests

    init(_ behaviour: Behaviour, port: Int = 0) async throws {
        let requests = Requests()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(behaviour: behaviour, requests: requests))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        self.requests = requests
    }

    /// How many whole requests have come.
    var requestCount: Int { requests.count.load(ordering: .relaxed) }

    var port: Int { channel.localAddress?.port ?? 0 }

    var url: String { "http://127.0.0.1:\(port)/metrics" }

    /// A port where nobody listens, and none of the other tests' servers will: it is below the range from which the kernel gives ports
    /// (`ip_local_port_range`, 32768 and up).
    static func closedPort() async throws -> Int {
        while true {
            guard let server = try? await MisbehavingServer(.close, port: .random(in: 20000..<32000)) else { continue }
            let port = server.port
            try await server.close()
            return port
        }
    }

    func close() async throws {
        try await channel.close()
    }

    /// A complete answer with status 200 and a length.
    static func page(_ body: String) -> Behaviour {
        .answer("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    private final class Requests: Sendable {
        let count = Atomic(0)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let behaviour: Behaviour
        private let requests: Requests
        private var request = ""

        init(behaviour: Behaviour, requests: Requests) {
            self.behaviour = behaviour
            self.requests = requests
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            request += String(buffer: unwrapInboundIn(data))
            guard request.hasSuffix("\r\n\r\n") else { return }
            requests.count.add(1, ordering: .relaxed)
            switch behaviour {
            case .answer(let text):
                write(text, context)
                context.close(promise: nil)
            case .hang(let text):
                write(text, context)
            case .repeating(let text, let part, let pause):
                write(text, context)
                writeOn(part, pause, context)
            case .close:
                context.close(promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }

        private func write(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }

        private func writeOn(_ part: String, _ pause: TimeAmount?, _ context: ChannelHandlerContext) {
            guard context.channel.isActive else { return }
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: part))).whenSuccess {
                let (handler, context) = bound.value
                context.eventLoop.scheduleTask(in: pause ?? .zero) {
                    let (handler, context) = bound.value
                    handler.writeOn(part, pause, context)
                }
                _ = (handler, context)
            }
        }
    }
}
