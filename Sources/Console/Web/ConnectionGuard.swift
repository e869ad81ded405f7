internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes
private import Synchronization

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

    private let limits: ConsoleLimits
    private let connections: ConnectionCounter
    private var client: String?
    /// Closes the connection, unless what is waited for comes.
    private var deadline: Scheduled<Void>?
    private var stall: Scheduled<Void>?
    private var closesAfterAnswer = false
    private var unwantedBytes = 0

    init(limits: ConsoleLimits, connections: ConnectionCounter) {
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
        guard client == nil else { return }
        let address = context.channel.remoteAddress?.ipAddress ?? ""
        guard connections.enter(address, limits: limits) else {
            context.close(promise: nil)
            return
        }
        client = address
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
        if let client { connections.leave(client) }
        // `begin` must not come again.
        client = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            deadline?.cancel()
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
        // The console stops: who has not read the last answer by then will not.
        if event is ChannelShouldQuiesceEvent { close(context, in: .seconds(2)) }
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

/// How many connections there are, in all and of each client address.
final class ConnectionCounter: Sendable {
    private struct State {
        var all = 0
        var clients: [String: Int] = [:]
        var refused = 0
    }

    private let state = Mutex(State())

    /// - Returns: whether one more is allowed, which then counts.
    func enter(_ client: String, limits: ConsoleLimits) -> Bool {
        state.withLock { state in
            let own = state.clients[client] ?? 0
            guard state.all < limits.connections, own < limits.connectionsOfAClient else {
                state.refused += 1
                return false
            }
            state.all += 1
            state.clients[client] = own + 1
            return true
        }
    }

    func leave(_ client: String) {
        state.withLock { state in
            state.all -= 1
            let own = state.clients[client] ?? 1
            state.clients[client] = own > 1 ? own - 1 : nil
        }
    }

    var now: (open: Int, refused: Int) { state.withLock { ($0.all, $0.refused) } }
}
