internal import CZeroMQ

/// One received frame, held by libzmq and read in place. Reused for the next one without a new allocation of ours.
struct ZMQFrame: ~Copyable {
    var message = zmq_msg_t()

    init() {
        zmq_msg_init(&message)
    }

    deinit {
        // A `deinit` sees an immutable self, and closing needs the address; the copy is the same handle, closed once.
        var message = message
        zmq_msg_close(&message)
    }

    /// Whether another frame of the same message follows.
    var hasMore: Bool {
        mutating get { zmq_msg_more(&message) != 0 }
    }

    /// Gives the frame's bytes to `body`, valid until it returns.
    mutating func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // A short frame lies within the message itself, so its address must hold while `body` runs.
        try withUnsafeMutablePointer(to: &message) { message throws(Failure) in
            try body(UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message)))
        }
    }

    mutating func copy() -> [UInt8] {
        withBytes { Array($0) }
    }
}
