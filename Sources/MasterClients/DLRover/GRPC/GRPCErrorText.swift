import Diagnosis
import NIOCore
import NIOHTTP2
import NIOPosix
import PeerLimits
import PlainHTTP
import SystemSupport
import TransportSecurity

/// Tells what a failed call means: a status as DLRover's master means it, and the lack of one for every kind of master.
struct GRPCErrorText: Sendable {
    /// The master's URL.
    let master: String
    let deadline: Duration
    /// What to check where the answer is no gRPC.
    var hint = "is this a DLRover master, and does it serve gRPC on this port?"

    /// What the master said, as an error.
    func error(of status: GRPCStatus) -> ReportError {
        let said = status.message.isEmpty ? "no reason" : "'\(status.message)'"
        switch status.code {
        case .unknown:
            let prefix = "Exception calling application: "
            let text = status.message.hasPrefix(prefix) ? status.message.dropFirst(prefix.count) : status.message[...]
            return MasterException(text).error(master: master)
        case .invalidArgument:
            return ReportError(code: .refused, message: "\(master) refused the report: \(status.code), \(said)")
        case .internalError where status.message.contains("deserializing request"):
            return ReportError(code: .refused, message: "\(master) could not read the report: \(said)")
        case .resourceExhausted where status.message.contains("larger than max"):
            return ReportError(code: .refused, message: "the report is too large for \(master): \(said)")
        case .unauthenticated:
            return ReportError(
                code: .wrongJob, message: "\(master) belongs to another job than this node: \(said); check JOB_UID")
        case .unimplemented:
            return ReportError(
                code: .unavailable, message: "\(master) does not know the call: \(said); \(hint)")
        case .resourceExhausted:
            // "Concurrent RPC limit exceeded!": it was not begun.
            return ReportError(code: .unavailable, message: "\(master) has too much to do: \(said)")
        case .deadlineExceeded:
            return ReportError(
                code: .deadlineExceeded, message: "\(master) gave up at the deadline: \(said)", isAmbiguous: true)
        default:
            return ReportError(
                code: .unavailable, message: "\(master) failed: \(status.code), \(said)", isAmbiguous: true)
        }
    }

    /// Why there was no status, as an error.
    func error(of failure: GRPCFailure, mayHaveArrived: Bool) -> ReportError {
        func error(_ code: ReportError.Code, _ message: String) -> ReportError {
            ReportError(code: code, message: message, isAmbiguous: mayHaveArrived)
        }
        switch failure {
        case .unavailable(let reason): return error(.unavailable, "\(master) cannot be reached: \(reason)")
        case .deadlineExceeded: return error(.deadlineExceeded, "\(master) did not answer within \(deadline)")
        case .notGRPC(let reason):
            return error(.unavailable, "\(master) gave an answer that is not gRPC: \(reason); \(hint)")
        case .cancelled: return error(.closed, "the report to \(master) was cancelled")
        case .closed: return error(.closed, "the client of \(master) is closed")
        }
    }

    /// The largest message that the master receives, if it says that one was larger: `larger than max (4194305 vs. 4194304)`.
    static func messageLimit(_ status: GRPCStatus) -> Int? {
        guard status.code == .resourceExhausted, status.message.contains("larger than max") else { return nil }
        return status.message.split { !("0"..."9").contains($0) }.last.flatMap { Int($0) }
    }
}

/// What to tell an operator about an error of a connection.
package enum ConnectionErrorText {
    package static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: SystemCallError.text(error.errnoCode)
        case let error as NIOConnectionError: describe(error)
        case let error as AddressLookupError: "the name could not be looked up: \(error.reason)"
        case ChannelError.connectTimeout: "no connection within the time allowed"
        case let error as PeerFlood: "\(error)"
        case let error as ProxyError: error.description
        case let error as ProxyUnreachable:
            ProxyError(error.proxy, "cannot be reached: \(describe(error.reason))").description
        case let error as any NIOHTTP2Error: "what it sent is not the HTTP/2 that is expected (\(type(of: error)))"
        default: SecurityErrorText.describe(error) ?? "\(error)"
        }
    }

    /// The reasons of all addresses that were tried, each once.
    private static func describe(_ error: NIOConnectionError) -> String {
        var reasons: [String] = []
        for failure in error.connectionErrors {
            let reason = describe(failure.error)
            if !reasons.contains(reason) { reasons.append(reason) }
        }
        if reasons.isEmpty, let lookup = error.dnsAError ?? error.dnsAAAAError {
            reasons.append("the name could not be looked up: \(lookup)")
        }
        return reasons.isEmpty ? "no connection" : reasons.joined(separator: "; ")
    }
}

extension HTTP2ErrorCode {
    private static let names = [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
        "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ]

    /// The name in RFC 9113, section 7.
    var name: String {
        Self.names.indices.contains(networkCode) ? Self.names[networkCode] : "error code \(networkCode)"
    }
}
