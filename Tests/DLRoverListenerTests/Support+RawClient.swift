import NIOCore
import NIOPosix
import Synchronization

/// A TCP client that sends bytes and keeps those that it gets.
final class RawClient: Sendable {
    private let channel: any Channel
    private let seen: Collector

    /// What came, where the handler and the client both reach it.
    private final class Collector: Sendable {
        let bytes = Mutex<[UInt8]>([])
        let isClosed = Mutex(false)
    }

    private init(channel: any Channel, seen: Collector) {
        self.channel = channel
        self.seen = seen
    }

    static func connect(port: Int) async throws -> RawClient {
        try await connect { try await $0.connect(host: "127.0.0.1", port: port).get() }
    }

    static func connect(path: String) async throws -> RawClient {
        try await connect { try await $0.connect(unixDomainSocketPath: path).get() }
    }

    private static func connect(
        _ open: (ClientBootstrap) async throws -> any Channel
    ) async throws -> RawClient {
        let seen = Collector()
        let channel = try await open(
            ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Recorder(seen: seen))
                }
            })
        return RawClient(channel: channel, seen: seen)
    }

    var received: [UInt8] { seen.bytes.withLock { $0 } }
    var isClosed: Bool { seen.isClosed.withLock { $0 } }

    func send(_ bytes: some Sequence<UInt8>) {
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// Sends, and waits until the system has all of it, or the connection is closed.
    func sendAll(_ bytes: ByteBuffer) async {
        try? await channel.writeAndFlush(bytes)
    }

    func close() async { try? await channel.close() }

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let seen: Collector

        init(seen: Collector) { self.seen = seen }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(buffer: unwrapInboundIn(data))
            seen.bytes.withLock { $0 += bytes }
        }

        func channelInactive(context: ChannelHandlerContext) {
            seen.isClosed.withLock { $0 = true }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
