internal import CZeroMQ
private import Glibc

/// One libzmq socket. Not thread-safe, and the compiler enforces that: it can't be copied, and sharing it takes a lock.
struct ZMQSocket: ~Copyable {
    enum Kind: Int32 {
        case pair = 0
        case xpub = 9
        case subscribe = 2
        case dealer = 5
        case router = 6
        case pull = 7
        case push = 8
    }

    let pointer: UnsafeMutableRawPointer
    private let context: ZMQContext

    init(_ kind: Kind, in context: ZMQContext) throws(ZMQError) {
        guard let pointer = zmq_socket(context.pointer, kind.rawValue) else { throw ZMQError(call: "zmq_socket") }
        self.pointer = pointer
        self.context = context
    }

    deinit {
        zmq_close(pointer)
    }

    // MARK: options, set before bind and connect

    func set(_ option: Int32, _ value: Int32) throws(ZMQError) {
        var value = value
        try set(option, &value, MemoryLayout<Int32>.size)
    }

    func set(_ option: Int32, _ value: Int64) throws(ZMQError) {
        var value = value
        try set(option, &value, MemoryLayout<Int64>.size)
    }

    func set(_ option: Int32, _ bytes: [UInt8]) throws(ZMQError) {
        try set(option, bytes, bytes.count)
    }

    private func set(_ option: Int32, _ value: UnsafeRawPointer, _ size: Int) throws(ZMQError) {
        guard zmq_setsockopt(pointer, option, value, size) == 0 else { throw ZMQError(call: "zmq_setsockopt") }
    }

    /// Takes any number of messages, where the guard bounds their bytes.
    ///
    /// At the mark libzmq 4.3.4 stops reading a connection; when its peer hangs up then, and what was read before has a PING in it, libzmq ends
    /// the process ("Assertion failed: !_io_error").
    func receiveWithoutMark() throws(ZMQError) {
        try set(ZMQ_RCVHWM, Int32(0))
    }

    /// The descriptor that becomes readable when something happened inside the socket. Edge-triggered; never read or close it.
    func readinessDescriptor() throws(ZMQError) -> Int32 {
        var descriptor: Int32 = -1
        var size = MemoryLayout<Int32>.size
        guard zmq_getsockopt(pointer, ZMQ_FD, &descriptor, &size) == 0 else { throw ZMQError(call: "zmq_getsockopt") }
        return descriptor
    }

    // MARK: endpoints

    /// Accepts connections there, from now on until the socket is closed.
    func bind(_ listener: GuardedListener) throws(ZMQError) {
        let endpoint = listener.endpoint
        try set(ZMQ_USE_FD, listener.descriptor)
        guard zmq_bind(pointer, endpoint) == 0 else {
            let error = ZMQError(call: "zmq_bind", endpoint: endpoint)
            close(listener.descriptor)
            throw error
        }
    }

    /// Accepts connections from sockets of the same context.
    func bind(within endpoint: String) throws(ZMQError) {
        guard zmq_bind(pointer, endpoint) == 0 else { throw ZMQError(call: "zmq_bind", endpoint: endpoint) }
    }

    func connect(_ endpoint: String) throws(ZMQError) {
        guard zmq_connect(pointer, endpoint) == 0 else { throw ZMQError(call: "zmq_connect", endpoint: endpoint) }
    }

    /// Connects once more where libzmq has given up.
    func reconnect(_ endpoint: String) throws(ZMQError) {
        // It may have forgotten the endpoint, too.
        zmq_disconnect(pointer, endpoint)
        try connect(endpoint)
    }

    // MARK: messages

    /// Sends one frame without blocking.
    ///
    /// - Returns: whether libzmq took it; `false` when it would have had to wait.
    func send(_ frame: UnsafeRawBufferPointer, more: Bool) throws(ZMQError) -> Bool {
        let flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)
        while zmq_send(pointer, frame.baseAddress, frame.count, flags) < 0 {
            let error = ZMQError(call: "zmq_send")
            if error.code == EAGAIN { return false }
            if error.code != EINTR { throw error }
        }
        return true
    }

    /// Sends the frames of one message without blocking; `false` if libzmq did not take it.
    func send(_ frames: [[UInt8]]) throws(ZMQError) -> Bool {
        for (index, frame) in frames.enumerated() {
            let more = index < frames.count - 1
            let sent = try frame.withUnsafeBufferPointer { bytes throws(ZMQError) in
                try send(UnsafeRawBufferPointer(bytes), more: more)
            }
            guard sent else { return false }
        }
        return true
    }

    /// Receives one frame into `frame` without blocking.
    ///
    /// - Returns: whether there was one. The frames of a message come together: after the first, the rest is there as well.
    func receive(into frame: inout ZMQFrame) throws(ZMQError) -> Bool {
        while zmq_msg_recv(&frame.message, pointer, ZMQ_DONTWAIT) < 0 {
            let error = ZMQError(call: "zmq_msg_recv")
            if error.code == EAGAIN { return false }
            if error.code != EINTR { throw error }
        }
        return true
    }

    /// Receives a whole message without blocking, or `nil` if there is none.
    func receiveMessage() throws(ZMQError) -> [[UInt8]]? {
        var connection: Int32 = -1
        return try receiveMessage(from: &connection)
    }

    /// The same, and the descriptor of the connection that it came over, which may be closed by now; -1 where that is not known.
    func receiveMessage(from connection: inout Int32) throws(ZMQError) -> [[UInt8]]? {
        var frame = ZMQFrame()
        guard try receive(into: &frame) else { return nil }
        var frames = [frame.copy()]
        while frame.hasMore, try receive(into: &frame) { frames.append(frame.copy()) }
        connection = zmq_msg_get(&frame.message, ZMQ_SRCFD)
        return frames
    }
}

/// A libzmq context: its I/O thread and its sockets. Thread-safe (libzmq's `zmq(7)`).
///
/// Every socket holds its context, so the context ends with its last holder and never waits for an open socket.
final class ZMQContext: Sendable {
    // libzmq documents contexts as thread-safe; the pointer itself never changes.
    nonisolated(unsafe) let pointer: UnsafeMutableRawPointer

    /// For subscribers, of which each has two for each publisher.
    static let mostSockets: Int32 = 32_768

    /// Released only after the sockets are closed.
    private let held: (any Sendable)?

    /// - Parameters:
    ///   - held: something to keep until the context has ended, such as a lock.
    ///   - sockets: how many it may have; libzmq's default is 1023.
    init(holding held: (any Sendable)? = nil, sockets: Int32? = nil) throws(ZMQError) {
        self.held = held
        guard let pointer = zmq_ctx_new() else { throw ZMQError(call: "zmq_ctx_new") }
        self.pointer = pointer
        if let sockets { zmq_ctx_set(pointer, ZMQ_MAX_SOCKETS, sockets) }
    }

    deinit {
        while zmq_ctx_term(pointer) != 0, zmq_errno() == EINTR {}
    }
}

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

    /// In bytes.
    var size: Int {
        mutating get { zmq_msg_size(&message) }
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

/// A libzmq call that failed.
public struct ZMQError: Error, Hashable, CustomStringConvertible {
    /// The errno that libzmq gave, its own numbers included.
    public let code: Int32
    /// The function that failed.
    public let call: String
    /// The endpoint it was about, where there is one.
    public let endpoint: String?

    /// Reads `zmq_errno()`, so it must be made on the same thread, right after the call.
    init(call: String, endpoint: String? = nil) {
        code = zmq_errno()
        self.call = call
        self.endpoint = endpoint
    }

    public var description: String {
        let place = endpoint.map { " on \($0)" } ?? ""
        return "\(call)\(place): \(String(cString: zmq_strerror(code)))"
    }
}
