private import CZeroMQ
private import Glibc
internal import SystemSupport

/// The libzmq sockets and plain descriptors that a thread waits for, all for reading: a thin layer over `zmq_poll`, level-triggered.
struct Poller {
    private var items: [zmq_pollitem_t] = []

    /// Adds a socket and returns its place for `isReady`.
    mutating func add(_ socket: borrowing ZMQSocket) -> Int {
        items.append(zmq_pollitem_t(socket: socket.pointer, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
        return items.count - 1
    }

    mutating func add(descriptor: Int32) -> Int {
        items.append(zmq_pollitem_t(socket: nil, fd: descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
        return items.count - 1
    }

    /// Waits until something is ready or the time is over; for ever if it is negative. An interruption by a signal counts as the end of the
    /// time.
    mutating func wait(milliseconds: Int) throws(ZMQError) {
        guard zmq_poll(&items, Int32(items.count), milliseconds) >= 0 else {
            let error = ZMQError(call: "zmq_poll")
            if error.code == EINTR {
                for index in items.indices { items[index].revents = 0 }
                return
            }
            throw error
        }
    }

    /// Waits until something is ready or the moment has come; at least a millisecond, so that a loop that is late doesn't spin.
    mutating func wait(until moment: ContinuousClock.Instant) throws(ZMQError) {
        try wait(milliseconds: max(1, Int((moment - .now) / .milliseconds(1))))
    }

    func isReady(_ index: Int) -> Bool {
        items[index].revents & Int16(ZMQ_POLLIN) != 0
    }
}

/// An eventfd that ends a thread's wait from any other thread.
final class Wakeup: Sendable {
    let descriptor: Int32

    init() throws(SystemCallError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else { throw SystemCallError("eventfd") }
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
