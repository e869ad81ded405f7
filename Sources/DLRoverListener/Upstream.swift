internal import GRPCCore

/// The master that calls go on to.
protocol Upstream: Sendable {
    /// Passes a call on and its answer back.
    ///
    /// - Parameter metadata: what the client sent with it.
    /// - Throws: `RPCError`, the master's own or one that says why there is none. Cancellation of the task ends the call.
    func call(_ method: MasterMethod, _ message: [UInt8], metadata: Metadata) async throws -> [UInt8]

    /// Keeps connections until the task is cancelled.
    func run() async throws
}
