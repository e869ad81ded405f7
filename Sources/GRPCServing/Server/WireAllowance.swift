internal import NIOCore
internal import PeerLimits

/// Counts the bytes that a client of HTTP/1.1 sends, and reports a `PeerFlood` as an error of the connection when they are more than its
/// requests announce: empty lines before a request, or one behind the other that are never looked at. Stands before the decoder.
final class WireAllowance: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// What a request may have besides its body, in bytes: its head twice.
    private static let perRequest = 32 << 10

    private var left = perRequest
    private var isOver = false

    /// A body of so many bytes may come.
    func grant(_ bytes: Int) { left += bytes }

    /// The next request may come.
    func renew() { left = Self.perRequest }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        // First passed on, since the head of the request may be in it, which says how much may come.
        left -= unwrapInboundIn(data).readableBytes
        context.fireChannelRead(data)
        guard left < 0 else { return }
        isOver = true
        context.fireErrorCaught(PeerFlood(what: "more than its requests announce"))
    }
}

@available(*, unavailable)
extension WireAllowance: Sendable {}
