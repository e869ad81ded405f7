internal import MasterClients
internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Reads the request of one HTTP/2 stream and hands it over. The only handler of the stream's channel.
final class GRPCServerStream: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// `nil` once the stream is closed, so that its budget is free at once.
    private var parser: GRPCRequestParser?
    /// The stream's own share of the budget; `nil` once it is closed.
    private var place: RequestBudget.Reservation?
    private var isEndOfRequest = false
    private let patience: TimeAmount
    private let begin: @Sendable (GRPCServerCall) -> Void
    private var timer: Scheduled<Void>?
    private let ended: AsyncStream<Never>
    private let ending: AsyncStream<Never>.Continuation

    /// - Parameters:
    ///   - patience: how long the request may take to come, from its headers on, and the answer to be taken.
    ///   - begin: takes the call, on the stream's event loop.
    init(budget: RequestBudget, patience: TimeAmount, begin: @escaping @Sendable (GRPCServerCall) -> Void) {
        parser = GRPCRequestParser(budget: budget)
        place = RequestBudget.Reservation(of: budget)
        self.patience = patience
        self.begin = begin
        (ended, ending) = AsyncStream.makeStream()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let block):
            guard timer != nil || takePlace(context) else { return }
            if timer == nil { expectEnd(context) }
            isEndOfRequest = block.endStream
            act(on: parser?.receive(block.headers, isEnd: block.endStream), context)
        case .data(let piece):
            guard case .byteBuffer(let bytes) = piece.data else { return }
            isEndOfRequest = piece.endStream
            act(on: parser?.receive(bytes, isEnd: piece.endStream), context)
        default: break
        }
    }

    /// The stream is done, or the client has reset it or gone.
    func channelInactive(context: ChannelHandlerContext) {
        parser = nil
        place = nil
        timer?.cancel()
        ending.finish()
        context.fireChannelInactive()
    }

    /// An open stream takes memory, whatever it brings.
    ///
    /// - Returns: whether there was room; otherwise the call is refused.
    private func takePlace(_ context: ChannelHandlerContext) -> Bool {
        if place?.grow(by: RequestBudget.streamBytes) == true { return true }
        // Where no refusal gets out the streams would pile up.
        guard let connection = context.channel.parent, connection.isWritable else {
            context.channel.parent?.close(promise: nil)
            return false
        }
        act(on: parser?.giveUp(.requestsTakeTooMuchMemory), context)
        return false
    }

    /// A request that comes drop by drop takes its memory and its place no longer than this.
    private func expectEnd(_ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: patience) {
            let status = GRPCStatus(
                code: .deadlineExceeded, message: "the request did not come within \(Duration(self.patience))")
            self.act(on: self.parser?.giveUp(status), context)
        }
    }

    /// An error closes the stream by itself, and concerns no other one.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}

    private func act(on outcome: GRPCRequestParser.Outcome?, _ context: ChannelHandlerContext) {
        if outcome != nil { timer?.cancel() }
        switch outcome {
        case .request(let request):
            begin(GRPCServerCall(request: request, patience: patience, ended: ended, stream: context.channel))
        case .rejection(let headers):
            context.write(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: nil)
            // Without an error, or it would hide the status from the client (RFC 9113, section 8.1). A client that neither goes on nor gives
            // up would keep the stream for as long as it likes.
            if !isEndOfRequest { context.write(wrapOutboundOut(.rstStream(.noError)), promise: nil) }
            context.flush()
        case nil: break
        }
    }
}

/// One call that waits for its answer.
struct GRPCServerCall: Sendable {
    private let request: GRPCRequest
    private let patience: TimeAmount
    private let ended: AsyncStream<Never>
    private let stream: any Channel

    fileprivate init(request: GRPCRequest, patience: TimeAmount, ended: AsyncStream<Never>, stream: any Channel) {
        self.request = request
        self.patience = patience
        self.ended = ended
        self.stream = stream
    }

    /// Answers it, and cancels the work for the answer once the client does not wait for it any more.
    func serve(_ answer: @escaping GRPCServer.Answer) async {
        await withTaskGroup { group in
            group.addTask {
                do throws(GRPCStatus) {
                    finish(.success(try await answer(try request.call())))
                } catch {
                    finish(.failure(error))
                }
            }
            group.addTask { for await _ in ended {} }
            await group.next()
            group.cancelAll()
        }
    }

    /// Does nothing if the stream is closed already.
    private func finish(_ result: Result<ByteBuffer, GRPCStatus>) {
        switch result {
        case .success(let message):
            guard request.reservation.grow(to: message.readableBytes) else {
                return finish(.failure(.requestsTakeTooMuchMemory))
            }
            write(.headers(.init(headers: [":status": "200", "content-type": "application/grpc"])))
            write(.data(.init(data: .byteBuffer(GRPCMessageBody.framed(message)))))
            writeEnd(.headers(.init(headers: ["grpc-status": "0"], endStream: true)))
        case .failure(let status):
            write(.headers(.init(headers: HPACKHeaders(trailersOnly: status), endStream: true)))
        }
        stream.flush()
    }

    /// Writes the last frame. An answer that the client does not take in time is dropped, and its memory with it.
    private func writeEnd(_ payload: HTTP2Frame.FramePayload) {
        let taken = stream.eventLoop.makePromise(of: Void.self)
        let timer = stream.eventLoop.scheduleTask(in: patience) { [stream] in stream.close(promise: nil) }
        taken.futureResult.whenComplete { [reservation = request.reservation] _ in
            timer.cancel()
            withExtendedLifetime(reservation) {}
        }
        stream.write(payload, promise: taken)
    }

    private func write(_ payload: HTTP2Frame.FramePayload) {
        stream.write(payload, promise: nil)
    }
}
