private import CZeroMQ

/// What a thread waits for: libzmq sockets and plain descriptors, all for reading. A thin `zmq_poll`, level-triggered.
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

    /// Waits until something is ready or the time is over. A signal's interruption counts as the latter.
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

    func isReady(_ index: Int) -> Bool {
        items[index].revents & Int16(ZMQ_POLLIN) != 0
    }
}
