import NIOCore
import NIOHTTP2

/// Collects a stream's request and hands it on.
final class H2StreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload

    private let isEarly: Bool
    private let handle: @Sendable (H2Exchange) -> Void
    private var headers: [String: String] = [:]
    private var body = ByteBuffer()

    init(isEarly: Bool, handle: @escaping @Sendable (H2Exchange) -> Void) {
        self.isEarly = isEarly
        self.handle = handle
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var isEnd = false
        switch unwrapInboundIn(data) {
        case .headers(let block):
            headers = Dictionary(block.headers.map { ($0.name, $0.value) }) { $0 + "," + $1 }
            isEnd = block.endStream || isEarly
        case .data(let piece):
            if case .byteBuffer(var bytes) = piece.data { body.writeBuffer(&bytes) }
            isEnd = piece.endStream
        default: break
        }
        if isEnd { handle(H2Exchange(headers: headers, body: body, stream: context.channel)) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
