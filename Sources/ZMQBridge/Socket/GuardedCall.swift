internal import CSocketGuard

/// Bounds what those who listen at a Unix socket may send to those in this process that connect to it, as `GuardedListener` does for those
/// who are connected to: one message, all its frames together, and what waits to be taken. May be used from any thread.
final class GuardedCall: Sendable {
    /// 0 if the endpoint is no Unix socket.
    private let number: UInt64

    /// - Parameters:
    ///   - endpoint: libzmq's; only `ipc://` is guarded.
    ///   - message: in bytes, each frame counting for `GuardedListener.frameCost` more.
    ///   - unread: the same of messages that wait; the sockets' I/O thread sleeps for moments beyond it. `nil` means no limit.
    init(to endpoint: String, message: Int, unread: Int? = nil) {
        let prefix = "ipc://"
        guard endpoint.hasPrefix(prefix) else {
            number = 0
            return
        }
        // Connections are made by this process: their number needs no limit.
        let limits = GuardedListener.Limits(connections: 1 << 20, message: message, unread: unread)
        number = socket_guard_call(String(endpoint.dropFirst(prefix.count)), limits.forGuard)
    }

    deinit {
        socket_guard_called(number)
    }

    /// Whether connections are guarded, so that their sockets need no high-water mark.
    var isInForce: Bool { number > 0 && GuardedListener.isInForce }

    /// Says that frames of so many bytes were taken from libzmq, and whether it has no more whole message.
    func recordTaken(_ bytes: Int, frames: Int, isEmpty: Bool) {
        guard number > 0 else { return }
        if isEmpty {
            socket_guard_emptied(number)
        } else {
            socket_guard_took(number, UInt64(bytes + frames * GuardedListener.frameCost))
        }
    }
}
