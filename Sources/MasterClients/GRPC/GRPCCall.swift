private import FoundationEssentials
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

/// What the server answered to a unary call.
struct GRPCAnswer: Sendable {
    var status: GRPCStatus
    /// The message, without its prefix. Servers send one exactly when the status is OK.
    var message: ByteBuffer?
}

/// Puts together the answer of a unary call from its headers, data and trailers (gRPC over HTTP2, "Responses").
struct GRPCAnswerParser {
    /// Answers before the answer (100, 103). A server has no use for more than a few.
    static let mostInformational = 16

    private let maxBytes: Int
    private var sawHeaders = false
    private var informational = 0
    private var body = GRPCMessageBody()

    /// - Parameter maxBytes: the most body, prefix included, that is taken.
    init(maxBytes: Int) {
        self.maxBytes = maxBytes
    }

    /// - Returns: the outcome, if the answer is complete or cannot become one.
    mutating func receive(_ headers: HPACKHeaders, isEnd: Bool) -> GRPCCall.Outcome? {
        if isEnd {
            guard let text = headers.first(name: "grpc-status") else { return .failure(withoutStatus(headers)) }
            return finish(code: text, headers)
        }
        guard !sawHeaders else { return .failure(.notGRPC("it sent headers twice")) }
        guard let status = headers.first(name: ":status"), !status.hasPrefix("1") else {
            informational += 1
            return informational <= Self.mostInformational
                ? nil
                : .failure(.notGRPC("it sent more than \(Self.mostInformational) answers that only say to go on (1xx)"))
        }
        sawHeaders = true
        let type = headers.first(name: "content-type") ?? ""
        return status == "200" && type.hasPrefix("application/grpc") ? nil : .failure(withoutStatus(headers))
    }

    mutating func receive(_ data: ByteBuffer, isEnd: Bool) -> GRPCCall.Outcome? {
        body.append(data)
        if body.readableBytes > maxBytes { return .failure(.notGRPC("its answer is longer than \(maxBytes) bytes")) }
        return isEnd ? .failure(.notGRPC("its answer ends without trailers")) : nil
    }

    private func withoutStatus(_ headers: HPACKHeaders) -> GRPCFailure {
        guard let status = headers.first(name: ":status") else { return .notGRPC("its trailers have no grpc-status") }
        let type = headers.first(name: "content-type").map { ", content type \($0)," } ?? ""
        return .notGRPC("it answered HTTP status \(status)\(type) without a grpc-status")
    }

    private func finish(code text: String, _ trailers: HPACKHeaders) -> GRPCCall.Outcome {
        let code = Int(text).map(GRPCStatus.Code.init(rawValue:)) ?? .unknown
        let status = GRPCStatus(
            code: code, message: PercentCoding.decode(trailers.first(name: "grpc-message") ?? ""),
            details: trailers.first(name: "grpc-status-details-bin").flatMap(Self.bytes) ?? [])
        guard code == .ok else { return .success(GRPCAnswer(status: status, message: nil)) }
        guard body.compressedFlag == 0, let message = body.message else {
            return .failure(.notGRPC("its answer is not one uncompressed message"))
        }
        return .success(GRPCAnswer(status: status, message: message))
    }

    /// The bytes of a `-bin` header, whose base64 may lack its padding (gRPC over HTTP2, "Requests"); `nil` if it is none.
    private static func bytes(_ base64: String) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        return Data(base64Encoded: base64 + padding).map { Array($0) }
    }
}
