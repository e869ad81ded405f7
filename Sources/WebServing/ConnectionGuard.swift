internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes

/// Ends connections of callers that cost more than they should: too many, too slow to ask, too slow to read, or with a body that nobody wants.
/// One for each connection, on its event loop.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How long an answer may lie unread after which the connection is closed anyway.
    private static let farewell = TimeAmount.milliseconds(500)
    private static let mostUnwantedBytes = 64 * 1024

    private let limits: WebLimits
    private let connections: ConnectionCounter
    private var place: ConnectionCounter.Place?
    /// Closes the connection, unless what is waited for comes.
    private var deadline: Scheduled<Void>?
    private var stall: Scheduled<Void>?
    private var closesAfterAnswer = false
    /// `begin` must not come again.
    private var hasLeft = false
    private var unwantedBytes = 0

    init(limits: WebLimits, connections: ConnectionCounter) {
        self.limits = limits
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard place == nil, !hasLeft else { return }
        let channel = context.channel
        let address = channel.remoteAddress?.ipAddress ?? ""
        place = connections.enter(address, limits: limits) { channel.close(promise: nil) }
        guard place != nil else {
            context.close(promise: nil)
            return
        }
        close(context, in: TimeAmount(limits.firstRequest))
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    private func leave() {
        deadline?.cancel()
        stall?.cancel()
        if let place { connections.leave(place) }
        place = nil
        hasLeft = true
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            deadline?.cancel()
            if let place { connections.asks(place) }
            closesAfterAnswer =
                head.headerFields[.transferEncoding] != nil || Int(head.headerFields[.contentLength] ?? "0") != 0
                || head.headerFields[.connection]?.lowercased() == "close"
        case .body(let bytes):
            // It is thrown away.
            closesAfterAnswer = true
            unwantedBytes += bytes.readableBytes
            if unwantedBytes > Self.mostUnwantedBytes { context.close(promise: nil) }
            return
        case .end: break
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            if let place { connections.waits(place) }
            close(context, in: closesAfterAnswer ? Self.farewell : TimeAmount(limits.nextRequest))
        }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stall?.cancel()
        if !context.channel.isWritable {
            let channel = context.channel
            stall = context.eventLoop.scheduleTask(in: TimeAmount(limits.stalled)) { channel.close(promise: nil) }
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The server stops: who has not read the last answer by then will not.
        if event is ChannelShouldQuiesceEvent { close(context, in: TimeAmount(limits.end)) }
        context.fireUserInboundEventTriggered(event)
    }

    private func close(_ context: ChannelHandlerContext, in time: TimeAmount) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}

// It stays on its connection's event loop.
@available(*, unavailable)
extension ConnectionGuard: Sendable {}
