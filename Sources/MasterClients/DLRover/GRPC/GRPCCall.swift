import NIOCore
import NIOHPACK
import Synchronization

/// One unary call from its submission to its end. Used on the client's event loop only.
final class GRPCCall {
    /// Names a call to those outside the event loop, and tells it early that it was cancelled.
    final class Token: Sendable {
        let isCancelled = Atomic(false)
        /// Whether the server may have got the request.
        let mayHaveArrived = Atomic(false)
    }

    typealias Outcome = Result<GRPCAnswer, GRPCFailure>

    let headers: HPACKHeaders
    /// The message with its five-byte prefix.
    let request: ByteBuffer
    let deadline: NIODeadline
    let token: Token
    /// `nil` once it has ended.
    private var continuation: CheckedContinuation<Outcome, Never>?
    private var answer: GRPCAnswerParser

    init(
        headers: HPACKHeaders, request: ByteBuffer, deadline: NIODeadline, maxAnswerBytes: Int, token: Token,
        continuation: CheckedContinuation<Outcome, Never>
    ) {
        self.headers = headers
        self.request = request
        self.deadline = deadline
        self.token = token
        self.continuation = continuation
        answer = GRPCAnswerParser(maxBytes: maxAnswerBytes)
    }

    /// Takes a block of headers of the answer, the first or the trailers.
    ///
    /// - Returns: the outcome, if that ends the call.
    func receive(_ headers: HPACKHeaders, isEnd: Bool) -> Outcome? {
        answer.receive(headers, isEnd: isEnd)
    }

    /// Takes a piece of the answer's body.
    func receive(_ data: ByteBuffer, isEnd: Bool) -> Outcome? {
        answer.receive(data, isEnd: isEnd)
    }

    /// Ends the call; its caller is told the first outcome only.
    func end(_ outcome: Outcome) {
        continuation?.resume(returning: outcome)
        continuation = nil
    }
}
