internal import NIOCore

/// Accepts no more while the doorkeeper is busy with as many as may arrive at a time: the others wait in the kernel, each in its turn, and
/// none of them is turned away. The first handler of the listening channel.
final class AcceptGate: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = any Channel

    /// How many connections the event loop accepts between two looks at the gate.
    static let acceptsPerRead = 4

    private let limit: Int
    private var arriving = 0
    private var isHeld = false
    private var context: ChannelHandlerContext?

    /// - Parameter limit: how many may arrive at a time.
    init(limit: Int) {
        self.limit = max(1, limit - Self.acceptsPerRead)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func read(context: ChannelHandlerContext) {
        isHeld = arriving >= limit
        if !isHeld { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        arriving += 1
        context.fireChannelRead(data)
    }

    /// A connection that was accepted is known now, or gone. On the listening channel's event loop.
    func finish() {
        arriving -= 1
        if isHeld, let context { read(context: context) }
    }
}
