import NIOCore
import NIOPosix

/// A TCP server that says one thing to whoever connects, or nothing.
final class RawServer: Sendable {
    let port: Int
    private let listener: any Channel

    private init(_ listener: any Channel) {
        self.listener = listener
        port = listener.localAddress?.port ?? 0
    }

    static func start(saying text: String?, host: String = "127.0.0.1", port: Int = 0) async throws -> RawServer {
        RawServer(
            try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Speaker(text: text))
                    }
                }
                .bind(host: host, port: port).get())
    }

    func stop() async { try? await listener.close() }

    private final class Speaker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let text: String?

        init(text: String?) { self.text = text }

        func channelActive(context: ChannelHandlerContext) {
            if let text { context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil) }
        }
    }
}
