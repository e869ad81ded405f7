private import CZeroMQ
private import Glibc

/// An eventfd that ends a thread's wait from any other thread.
final class Wakeup: Sendable {
    let descriptor: Int32

    init() throws(SystemCallError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else { throw SystemCallError(call: "eventfd", path: nil) }
    }

    deinit {
        close(descriptor)
    }

    /// Makes the descriptor readable until `clear()`.
    func signal() {
        eventfd_write(descriptor, 1)
    }

    func clear() {
        var count: eventfd_t = 0
        eventfd_read(descriptor, &count)
    }
}
