internal import MasterClients
internal import NIOCore
internal import NIOHTTP1
internal import PeerLimits

/// One HTTP/1.1 connection of DLRover's own clients: reads a call, hands it over, and closes when anything takes too long, too much, or is
/// nothing that such a client sends. The last handler of the connection; on its event loop.
///
/// One call at a time: what comes while one is answered is thrown away, and the connection ends with that answer. A client that half-closes
/// counts as gone.
final class PostConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private static let drainedBytes = 1 << 20

    /// Who is at the other end.
    enum Caller {
        case allowed(begin: @Sendable (PostServerCall) -> Void)
        /// Is told the reason, whatever they call.
        case stranger(reason: String, told: @Sendable () -> Void)
    }

    struct Times {
        /// How long the client may take for its first request's head.
        var patience: TimeAmount
        /// How long a body may take, an answer to be taken, and a connection to wait for the next head.
        var requestPatience: TimeAmount
        /// How long an answer that ends the connection may lie unread.
        var grace: TimeAmount
    }

    private enum Step {
        /// For a head.
        case waiting
        case receiving(PostRequest)
        case answering
        /// What comes is thrown away.
        case ending
    }

    private let caller: Caller
    private let rules: PostRules
    private let budget: RequestBudget
    private let activity: ConnectionActivity
    private let times: Times
    private let wire: WireAllowance
    private let report: ConnectionReport

    private var step = Step.waiting
    private var timer: Scheduled<Void>?
    private var closesAfterAnswer = false
    /// Ends the work for the answer that is under way.
    private var ending: AsyncStream<Never>.Continuation?
    private var hasCall = false

    init(
        _ caller: Caller, rules: PostRules, budget: RequestBudget, activity: ConnectionActivity, times: Times,
        wire: WireAllowance, report: ConnectionReport
    ) {
        self.caller = caller
        self.rules = rules
        self.budget = budget
        self.activity = activity
        self.times = times
        self.wire = wire
        self.report = report
    }

    // MARK: requests

    func channelActive(context: ChannelHandlerContext) {
        close(context, in: times.patience, as: .silent)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), step) {
        case (.head(let head), .waiting): begin(head, context)
        case (.head, .answering), (.head, .ending): closesAfterAnswer = true
        case (.body(let piece), .receiving(let request)): receive(piece, request, context)
        case (.end, .receiving(let request)): hand(over: request, context)
        default: break
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        timer?.cancel()
        closesAfterAnswer = closesAfterAnswer || !head.isKeepAlive
        if case .stranger(let reason, let told) = caller {
            drain(head)
            reject(PostAnswer(status: 403, reason), context)
            return told()
        }
        switch rules.judge(head) {
        case .refused(let answer, let isOfBrowser):
            drain(head)
            if isOfBrowser { report.record(.browser, detail: String(buffer: answer.body)) }
            reject(answer, context)
        case .request(let path, let jobUID, let length):
            let request = PostRequest(
                path: path, jobUID: jobUID, length: length, reservation: RequestBudget.Reservation(of: budget))
            guard request.reservation.grow(by: RequestBudget.streamBytes + PostRules.bytes(of: head)) else {
                return reject(.requestsTakeTooMuchMemory, context)
            }
            wire.grant(length)
            step = .receiving(request)
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                context.writeAndFlush(wrapOutboundOut(.head(.init(version: .http1_1, status: .continue))), promise: nil)
            }
            timer = context.eventLoop.assumeIsolated().scheduleTask(in: times.requestPatience) { [self] in
                let time = Duration(times.requestPatience)
                reject(PostAnswer(status: 408, "arobust: the request did not come within \(time)"), context)
            }
        }
    }

    /// Lets the body of a request that is refused come, if it is short, and throws it away: a client reads its answer only after it.
    private func drain(_ head: HTTPRequestHead) {
        let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        wire.grant(max(0, min(length, Self.drainedBytes)))
    }

    private func receive(_ piece: ByteBuffer, _ request: PostRequest, _ context: ChannelHandlerContext) {
        guard request.reservation.grow(by: piece.readableBytes) else {
            return reject(.requestsTakeTooMuchMemory, context)
        }
        guard request.append(piece) else {
            return end(context, as: .flood, detail: "its request came in too many small pieces")
        }
    }

    private func hand(over request: PostRequest, _ context: ChannelHandlerContext) {
        guard case .allowed(let begin) = caller else { return }
        timer?.cancel()
        step = .answering
        // Not before: a connection whose request does not come gives way to others, the oldest first.
        activity.becomeReady()
        activity.beginCall()
        hasCall = true
        let (ended, ending) = AsyncStream.makeStream(of: Never.self)
        self.ending = ending
        begin(PostServerCall(request: request, ended: ended, channel: context.channel))
    }

    // MARK: answers

    /// Answers at once, and ends the connection: the rest of the request may never come.
    private func reject(_ answer: PostAnswer, _ context: ChannelHandlerContext) {
        closesAfterAnswer = true
        for part in PostServerCall.parts(of: answer) { write(context: context, data: NIOAny(part), promise: nil) }
        context.flush()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            if closesAfterAnswer { head.headers.add(name: "connection", value: "close") }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end: finish(context, data, promise)
        }
    }

    private var hasEnded: Bool { if case .ending = step { true } else { false } }

    /// Writes the last part, and waits until the client has taken it all.
    private func finish(_ context: ChannelHandlerContext, _ data: NIOAny, _ promise: EventLoopPromise<Void>?) {
        step = .ending
        timer?.cancel()
        ending = nil
        close(context, in: times.requestPatience, as: .unread)
        let taken = promise ?? context.eventLoop.makePromise(of: Void.self)
        taken.futureResult.assumeIsolated().whenSuccess { [self] in
            timer?.cancel()
            endCall()
            if closesAfterAnswer { return leave(context) }
            step = .waiting
            wire.renew()
            close(context, in: times.requestPatience, as: nil)
        }
        context.write(data, promise: taken)
    }

    /// Says that nothing more comes, and closes once the client has seen it: one that still sends would lose the answer otherwise.
    private func leave(_ context: ChannelHandlerContext) {
        context.close(mode: .output, promise: nil)
        close(context, in: times.grace, as: nil)
    }

    // MARK: ends

    /// - Parameter reason: what to report then, if anything.
    private func close(
        _ context: ChannelHandlerContext, in time: TimeAmount, as reason: ConnectionReport.Reason?
    ) {
        timer?.cancel()
        timer = context.eventLoop.scheduleTask(in: time) { [report, channel = context.channel] in
            if let reason { report.record(reason) }
            channel.close(promise: nil)
        }
    }

    private func end(_ context: ChannelHandlerContext, as reason: ConnectionReport.Reason, detail: String) {
        step = .ending
        report.record(reason, detail: detail)
        context.close(promise: nil)
    }

    private func endCall() {
        if hasCall { activity.endCall() }
        hasCall = false
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        ending?.finish()
        step = .ending
        endCall()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            closesAfterAnswer = true
            if case .waiting = step { context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let error as HTTPParserError:
            if case .answering = step {
                closesAfterAnswer = true
            } else if !hasEnded {
                reject(PostRules.answer(to: error), context)
            }
        case let error as PeerFlood: end(context, as: .flood, detail: "\(error)")
        default: context.close(promise: nil)
        }
    }
}

// It stays on its connection's event loop.
@available(*, unavailable)
extension PostConnection: Sendable {}
