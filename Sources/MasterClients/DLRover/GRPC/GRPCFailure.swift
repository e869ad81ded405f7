/// Why a call got no status from the server.
enum GRPCFailure: Error, Hashable {
    /// No connection, or it broke; the text says how.
    case unavailable(String)
    case deadlineExceeded
    /// What answers does not speak gRPC; the text says what it did.
    case notGRPC(String)
    /// The caller's task was cancelled.
    case cancelled
    /// The client was closed.
    case closed
}
