/// Bounds what libzmq queues for a consumer by bytes, though its high-water mark counts messages.
///
/// The mark follows the size of what is being published, in powers of two, and libzmq takes a new one for open connections as well
/// (`zmq_setsockopt(3)` leaves that open; `socket_base_t::update_pipe_options` does it since 4.2).
struct ConsumerQueueBound {
    private static let smallestMessage = 512
    private let bytes: Int
    private var messageSize = 1 << 16
    private var recentLargest = 0

    init(bytes: Int) {
        self.bytes = bytes
    }

    /// The mark for messages of the size now assumed.
    var highWaterMark: Int32 {
        Int32(clamping: max(16, bytes / messageSize))
    }

    /// Notes a message, and answers the new mark if it must go down because of it.
    mutating func observe(size: Int) -> Int32? {
        recentLargest = max(recentLargest, size)
        guard size > messageSize else { return nil }
        return assume(size)
    }

    /// Called once a beat: lets the mark rise again when large messages have stopped. Answers the new one if it changed.
    mutating func relax() -> Int32? {
        let largest = max(recentLargest, messageSize / 2)
        recentLargest = 0
        return assume(largest)
    }

    private mutating func assume(_ size: Int) -> Int32? {
        var rounded = Self.smallestMessage
        while rounded < size { rounded *= 2 }
        guard rounded != messageSize else { return nil }
        messageSize = rounded
        return highWaterMark
    }
}
