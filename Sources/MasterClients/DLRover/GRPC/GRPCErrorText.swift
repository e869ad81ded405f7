import Diagnosis

/// Tells what a failed call to a DLRover master means.
struct GRPCErrorText: Sendable {
    /// The master's URL.
    let master: String
    let deadline: Duration

    private static let hint = "is this a DLRover master, and does it serve gRPC on this port?"

    /// What the master said, as an error.
    func error(of status: GRPCStatus) -> ReportError {
        let said = status.message.isEmpty ? "no reason" : "'\(status.message)'"
        switch status.code {
        case .unknown:
            let prefix = "Exception calling application: "
            let text = status.message.hasPrefix(prefix) ? status.message.dropFirst(prefix.count) : status.message[...]
            return ReportError(code: .refused, message: "\(master) refused the report: \(text)")
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
                code: .unavailable, message: "\(master) does not know the call: \(said); \(Self.hint)")
        case .deadlineExceeded:
            return ReportError(code: .deadlineExceeded, message: "\(master) gave up at the deadline: \(said)")
        default:
            return ReportError(code: .unavailable, message: "\(master) failed: \(status.code), \(said)")
        }
    }

    /// Why there was no status, as an error.
    func error(of failure: GRPCFailure) -> ReportError {
        switch failure {
        case .unavailable(let reason):
            ReportError(code: .unavailable, message: "\(master) cannot be reached: \(reason)")
        case .deadlineExceeded:
            ReportError(code: .deadlineExceeded, message: "\(master) did not answer within \(deadline)")
        case .notGRPC(let reason):
            ReportError(
                code: .unavailable, message: "\(master) gave an answer that is no gRPC: \(reason); \(Self.hint)")
        case .cancelled:
            ReportError(code: .closed, message: "the report to \(master) was cancelled")
        case .closed:
            ReportError(code: .closed, message: "the client of \(master) is closed")
        }
    }
}
