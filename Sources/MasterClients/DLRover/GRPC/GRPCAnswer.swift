import NIOCore

/// What the server answered to a unary call.
struct GRPCAnswer: Sendable {
    var status: GRPCStatus
    /// The message, without its prefix. Servers send one exactly when the status is OK.
    var message: ByteBuffer?
}
