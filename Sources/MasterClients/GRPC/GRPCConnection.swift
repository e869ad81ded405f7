import NIOCore
import NIOHPACK
import NIOHTTP2
import PeerLimits
import Synchronization

/// The calls of one HTTP/2 connection: maps stream ids to them. The last handler of its channel, right behind an
/// `NIOHTTP2Handler` without a stream multiplexer; used on its event loop only.
///
/// What a multiplexer would do besides is done here: stream ids, the limit of streams, the connection's inbound window.
/// A stream's own inbound window never needs more than its initial size, since answers are bounded below that.
final class GRPCConnection: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    /// Told about what changes; set by the client that takes the connection into use.
    weak var owner: (any GRPCConnectionOwner)?
    /// The server has sent its settings and may be called.
    private(set) var isReady = false
    /// No new call is begun: the server sent GOAWAY, or stream ids are used up.
    private(set) var isDraining = false
    /// Why the connection broke, if something said so.
    private(set) var brokenBy: String?
    /// Whether it is to be blamed on the server's address: it answered no call at all, or fell silent.
    var wasInVain: Bool { !hasAnswered || wentSilent }
    /// The server's address.
    private(set) var address: SocketAddress?

    private var context: ChannelHandlerContext?
    private var calls: [HTTP2StreamID: GRPCCall] = [:]
    /// Streams whose answer is complete but which are still open, as the request has not gone out whole.
    private var unfinished: Set<HTTP2StreamID> = []
    private var nextStreamID: Int
    private var maxStreams = Int.max
    private var inboundWindow = GRPCWindow.http2Default
    private var hasAnswered = false
    private var wentSilent = false
    private var liveness: GRPCLiveness
    private let meter: FrameMeter
    private var nextLook: Scheduled<Void>?

    /// - Parameter meter: the connection's; told what may come.
    init(firstStreamID: Int = 1, liveness: GRPCLiveness, meter: FrameMeter) {
        nextStreamID = firstStreamID
        self.meter = meter
        self.liveness = liveness
    }

    /// Whether a call can begin now.
    var canBegin: Bool {
        guard isReady, !isDraining, let context else { return false }
        return calls.count + unfinished.count < maxStreams && context.channel.isWritable && context.channel.isActive
    }

    /// Begins a call without flushing. Only when `canBegin`.
    func begin(_ call: GRPCCall) {
        guard let context else { return call.end(.failure(.unavailable("the connection is closed"))) }
        if calls.isEmpty {
            let now = NIODeadline.now()
            liveness.beginWaiting(now)
            if nextLook == nil { take(liveness.look(now, isAwaited: true), context) }
        }
        let stream = HTTP2StreamID(nextStreamID)
        nextStreamID += 2
        calls[stream] = call
        meter.beginCall()
        call.token.mayHaveArrived.store(true, ordering: .relaxed)
        write(context, stream, .headers(.init(headers: call.headers)))
        write(context, stream, .data(.init(data: .byteBuffer(call.request), endStream: true)))
        if nextStreamID > GRPCWindow.lastStreamID { drain() }
    }

    func flush() {
        context?.flush()
    }

    /// Ends the calls that `shouldEnd` picks, and tells the server that nobody waits for them.
    func end(with failure: GRPCFailure, where shouldEnd: (GRPCCall) -> Bool) {
        var isLate = failure == .deadlineExceeded
        for (stream, call) in calls where shouldEnd(call) {
            // The ping first: a server wants none while no call is open.
            if isLate, let context { take(liveness.missDeadline(.now()), context) }
            isLate = false
            calls[stream] = nil
            call.end(.failure(failure))
            if let context { write(context, stream, .rstStream(.cancel)) }
        }
        meter.keep(openCalls: calls.count)
        flush()
        closeIfDrained()
    }

    /// The earliest deadline of a call.
    var earliestDeadline: NIODeadline? { calls.values.lazy.map(\.deadline).min() }

    func close() {
        context?.close(promise: nil)
    }

    // MARK: what the channel tells

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        address = context.remoteAddress
    }

    func channelActive(context: ChannelHandlerContext) {
        address = context.remoteAddress
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        let now = NIODeadline.now()
        liveness.hear(now)
        switch frame.payload {
        case .headers(let headers):
            liveness.hearAnswer(now)
            hasAnswered = true
            guard let call = calls[frame.streamID] else { return }
            finish(call, frame.streamID, call.receive(headers.headers, isEnd: headers.endStream))
        case .data(let piece):
            liveness.hearAnswer(now)
            guard let call = calls[frame.streamID], case .byteBuffer(let bytes) = piece.data else { return }
            finish(call, frame.streamID, call.receive(bytes, isEnd: piece.endStream))
        case .rstStream(let code):
            guard let call = calls.removeValue(forKey: frame.streamID) else { return }
            if code == .refusedStream { call.token.mayHaveArrived.store(false, ordering: .relaxed) }
            call.end(.failure(.unavailable("the master reset the call: \(code.name)")))
        case .goAway(let last, let code, _): receiveGoAway(last, code)
        case .settings(.settings(let settings)): receive(settings)
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        meter.keep(openCalls: calls.count)
        liveness.hear(.now())  // also of window updates and other frames that don't come this far
        if !unfinished.isEmpty {
            for stream in unfinished { write(context, stream, .rstStream(.cancel)) }
            unfinished = []
            context.flush()
        }
        refillWindow(context)
        closeIfDrained()
        if canBegin { owner?.connectionHasRoom(self) }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if canBegin { owner?.connectionHasRoom(self) }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let window = event as? NIOHTTP2WindowUpdatedEvent {
            if window.streamID == .rootStream, let size = window.inboundWindowSize { inboundWindow = size }
        } else if let closed = event as? StreamClosedEvent {
            unfinished.remove(closed.streamID)
            calls.removeValue(forKey: closed.streamID)?
                .end(.failure(.unavailable("the call's stream was closed: \(closed.reason?.name ?? "no reason")")))
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// Whatever the error is, the connection is not worth keeping: the peer broke the protocol or the socket failed.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if brokenBy == nil { brokenBy = ConnectionErrorText.describe(error) }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isDraining = true
        nextLook?.cancel()
        let failure = GRPCFailure.unavailable(brokenBy ?? "the master closed the connection")
        for call in calls.values { call.end(.failure(failure)) }
        calls = [:]
        owner?.connectionDidClose(self)
        context.fireChannelInactive()
    }

    // MARK: silence

    private func take(_ step: GRPCLiveness.Step, _ context: ChannelHandlerContext) {
        nextLook?.cancel()
        nextLook = nil
        switch step {
        case .rest: break
        case .look(let time): look(at: time, context)
        case .ping(let time):
            write(context, .rootStream, .ping(HTTP2PingData(), ack: false))
            context.flush()
            look(at: time, context)
        case .close:
            wentSilent = true
            brokenBy =
                "the connection is dead: nothing came, not even the answer to a ping within \(Duration(liveness.pingTimeout))"
            context.close(promise: nil)
        case .drain:
            wentSilent = true
            drain()
            closeIfDrained()
        }
    }

    private func look(at time: NIODeadline, _ context: ChannelHandlerContext) {
        nextLook = context.eventLoop.assumeIsolated().scheduleTask(deadline: time) {
            guard let context = self.context else { return }
            let isAwaited = !self.calls.isEmpty || !context.channel.isWritable
            self.take(self.liveness.look(.now(), isAwaited: isAwaited), context)
        }
    }

    // MARK: frames

    private func finish(_ call: GRPCCall, _ stream: HTTP2StreamID, _ outcome: GRPCCall.Outcome?) {
        guard let outcome else { return }
        calls[stream] = nil
        // Until the stream's closing is announced, right after this frame if both sides are done.
        unfinished.insert(stream)
        call.end(outcome)
    }

    private func receive(_ settings: HTTP2Settings) {
        for setting in settings where setting.parameter == .maxConcurrentStreams { maxStreams = setting.value }
        guard !isReady, let context else { return }
        isReady = true
        refillWindow(context)
        owner?.connectionIsReady(self)
    }

    private func receiveGoAway(_ last: HTTP2StreamID, _ code: HTTP2ErrorCode) {
        let reason = code == .noError ? "the master is closing the connection" : "the master said GOAWAY: \(code.name)"
        if code != .noError { brokenBy = reason }
        for (stream, call) in calls where stream > last {
            calls[stream] = nil
            // Streams beyond the last one were not looked at (RFC 9113, section 6.8).
            call.token.mayHaveArrived.store(false, ordering: .relaxed)
            call.end(.failure(.unavailable(reason)))
        }
        drain()
    }

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        owner?.connectionDrains(self)
    }

    private func closeIfDrained() {
        if isDraining, calls.isEmpty { context?.close(promise: nil) }
    }

    /// Nobody else tells the server that it may go on sending after what it has sent so far.
    private func refillWindow(_ context: ChannelHandlerContext) {
        guard isReady, inboundWindow < GRPCWindow.connection / 2 else { return }
        let increment = GRPCWindow.connection - inboundWindow
        inboundWindow = GRPCWindow.connection
        write(context, .rootStream, .windowUpdate(windowSizeIncrement: increment))
        context.flush()
    }

    private func write(_ context: ChannelHandlerContext, _ stream: HTTP2StreamID, _ payload: HTTP2Frame.FramePayload) {
        context.write(wrapOutboundOut(HTTP2Frame(streamID: stream, payload: payload)), promise: nil)
    }
}

/// Whom a connection tells about its changes, on its event loop.
protocol GRPCConnectionOwner: AnyObject {
    /// The server's settings have come: calls may begin.
    func connectionIsReady(_ connection: GRPCConnection)
    /// Calls that wait may begin. The connection flushes nothing by itself.
    func connectionHasRoom(_ connection: GRPCConnection)
    /// New calls need another connection; this one closes once its calls have ended.
    func connectionDrains(_ connection: GRPCConnection)
    func connectionDidClose(_ connection: GRPCConnection)
}

/// Sizes of HTTP/2 windows and ids (RFC 9113).
enum GRPCWindow {
    /// What a connection's window is without a WINDOW_UPDATE.
    static let http2Default = 65535
    /// What we let a server send on one connection before it must wait for us.
    static let connection = 4 * 1024 * 1024
    /// The longest answer that a client takes unless it is told otherwise. A stream's window is one byte more: an answer that is too long
    /// can't arrive whole, and one that is not needs no window but the first.
    static let longestAnswer = 1024 * 1024 - 1
    static let lastStreamID = Int(Int32.max)
}
