package import NIOCore

/// Passes calls on to a DLRover master, and the answers back. May be used by any number of tasks at once.
package protocol DLRoverRelay: Sendable {
    /// Passes a call on and waits for its end: the answer, the caller's deadline, or the cancellation of the task, which the master is told.
    ///
    /// - Returns: the answer's message, without its prefix.
    /// - Throws: the status that the master ended the call with, or one with a sentence about why there is none.
    func answer(to call: RelayedCall) async throws(GRPCStatus) -> ByteBuffer

    /// Ends all calls and closes the connections.
    func close() async
}
