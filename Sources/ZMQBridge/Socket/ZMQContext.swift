private import CZeroMQ

/// A libzmq context: its I/O thread and its sockets. Thread-safe (libzmq's `zmq(7)`).
///
/// Every socket holds its context, so the end of the last holder ends it and never waits for an open socket.
final class ZMQContext: Sendable {
    // libzmq documents contexts as thread-safe; the pointer itself never changes.
    nonisolated(unsafe) let pointer: UnsafeMutableRawPointer

    /// Given up only after the sockets' files are gone.
    private let held: (any Sendable)?

    /// - Parameter held: something to keep until the context has ended, a lock for instance.
    init(holding held: (any Sendable)? = nil) throws(ZMQError) {
        self.held = held
        guard let pointer = zmq_ctx_new() else { throw ZMQError(call: "zmq_ctx_new") }
        self.pointer = pointer
    }

    deinit {
        while zmq_ctx_term(pointer) != 0, zmq_errno() == EINTR {}
    }
}
