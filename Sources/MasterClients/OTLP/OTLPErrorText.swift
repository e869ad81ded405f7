import Diagnosis
import OTLPMessages
import PlainHTTP
import SwiftProtobuf

/// Tells what an OTLP receiver's answers mean: what may be tried again, by the list of the specification
/// (https://opentelemetry.io/docs/specs/otlp, "OTLP/gRPC Response" and "OTLP/HTTP Response"), and what is refused for good.
struct OTLPErrorText: Sendable {
    private static let hint = "is this an OTLP receiver, and is it this protocol's port?"

    /// The receiver's URL.
    let master: String
    /// What it means that there is no answer.
    let http: HTTPErrorText
    let grpc: GRPCErrorText

    init(master: String, deadline: Duration) {
        self.master = master
        http = HTTPErrorText(master: master, deadline: deadline, whose: "an OTLP receiver's", hint: Self.hint)
        grpc = GRPCErrorText(master: master, deadline: deadline, hint: Self.hint)
    }

    /// An answer that is none of OTLP's, though it says that all is well.
    func unreadable(_ reason: String) -> ReportError {
        http.unreadable(reason)
    }

    /// What an HTTP status other than 2xx means.
    ///
    /// - Parameter now: seconds since 1970.
    func error(of answer: HTTPAnswer, now: Int64 = RetryAfter.now()) -> ReportError {
        let said = Self.text(of: answer)
        let text = "\(master) answered HTTP status \(answer.status): '\(said)'"
        switch answer.status {
        case 429, 502, 503, 504:
            return ReportError(
                code: .unavailable, message: text, isAmbiguous: answer.status != 429,
                retryAfter: answer.retryAfter.flatMap { RetryAfter.read($0, now: now) })
        case 401, 403:
            return ReportError(
                code: .wrongJob,
                message: "\(master) does not let this node in: HTTP status \(answer.status), '\(said)'; \(Self.advice)")
        case 404, 405:
            return ReportError(code: .refused, message: text + "; is the path of its URL right?")
        case 300...399:
            return ReportError(
                code: .unavailable, message: text + "; name the place it leads to as the master", isAmbiguous: false)
        default:
            return ReportError(code: .refused, message: text)
        }
    }

    /// What a gRPC status other than OK means.
    func error(of status: GRPCStatus) -> ReportError {
        let text = "\(master) answered \(status.code): '\(status.message)'"
        let retryAfter = RetryAfter.read(status.details)
        switch status.code {
        case .unavailable, .cancelled, .deadlineExceeded, .aborted, .outOfRange, .dataLoss:
            return ReportError(code: .unavailable, message: text, isAmbiguous: true, retryAfter: retryAfter)
        case .resourceExhausted where retryAfter != nil:
            return ReportError(code: .unavailable, message: text, retryAfter: retryAfter)
        case .unauthenticated, .permissionDenied:
            return ReportError(
                code: .wrongJob,
                message: "\(master) does not let this node in: \(status.code), '\(status.message)'; \(Self.advice)")
        default:
            return ReportError(code: .refused, message: text)
        }
    }

    /// What a receiver means that took a request and nothing in it.
    func error(rejectingAll answer: OTLPAnswer) -> ReportError {
        ReportError(code: .refused, message: "\(master) took none of it: '\(HTTPErrorText.plain(answer.message))'")
    }

    private static let advice = "check delivery.otlp-headers-file"

    /// The message of a `google.rpc.Status`, which is what a receiver should send with an error; else the text of the body.
    private static func text(of answer: HTTPAnswer) -> String {
        if answer.contentType?.hasPrefix("application/x-protobuf") ?? false,
            let status = try? Google_Rpc_Status(serializedBytes: answer.body), !status.message.isEmpty
        {
            return HTTPErrorText.plain(status.message)
        }
        return HTTPErrorText.plain(String(decoding: answer.body, as: UTF8.self))
    }
}
