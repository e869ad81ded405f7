internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2
private import Synchronization

/// Stands first on each stream and counts what its request takes of the budget, until the stream ends. The library itself bounds one message
/// but not their sum.
final class RequestGate: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let budget: RequestBudget
    private var taken = 0
    private var isRefused = false

    private init(budget: RequestBudget) {
        self.budget = budget
    }

    static func install(on stream: any Channel, budget: RequestBudget) -> EventLoopFuture<Void> {
        stream.eventLoop.makeCompletedFuture {
            try stream.pipeline.syncOperations.addHandler(RequestGate(budget: budget), position: .first)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        if case .data(let piece) = unwrapInboundIn(data) {
            let count = piece.data.readableBytes
            guard budget.take(count) else { return refuse(context) }
            taken += count
        }
        context.fireChannelRead(data)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        budget.giveBack(taken)
        taken = 0
    }

    private func refuse(_ context: ChannelHandlerContext) {
        isRefused = true
        let status = HPACKHeaders([
            (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "8"),
            ("grpc-message", "arobust holds as many requests as it may; try again"),
        ])
        // Not closed here: a reset right behind the status would hide it from the client, which ends the stream itself.
        context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: status, endStream: true))), promise: nil)
    }
}

/// How much memory the requests of all connections may take together. May be used from any thread.
final class RequestBudget: Sendable {
    /// In bytes: room for one of the largest and many small ones. A request that is passed on is copied, so the memory is up to three times
    /// that.
    static let bytes = 320 << 20

    private let used = Atomic(0)

    /// Takes some of it.
    ///
    /// - Returns: whether that much was left.
    func take(_ bytes: Int) -> Bool {
        if used.add(bytes, ordering: .relaxed).newValue <= Self.bytes { return true }
        giveBack(bytes)
        return false
    }

    func giveBack(_ bytes: Int) {
        used.subtract(bytes, ordering: .relaxed)
    }
}
