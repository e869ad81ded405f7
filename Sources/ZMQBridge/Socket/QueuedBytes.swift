private import CZeroMQ
private import Glibc
private import Synchronization

/// How many bytes of large frames libzmq holds because their receivers have not read them: its high-water marks count messages only, and
/// 256 messages may be 256 KiB or 4 GiB. May be used from any thread.
final class QueuedBytes: Sendable {
    /// Shorter frames are not counted: the high-water mark bounds them well enough.
    static let smallestCounted = 4 << 10

    private let bytes = Atomic(0)
    /// Counts what this counts, too.
    private let total: QueuedBytes?

    init(of total: QueuedBytes? = nil) {
        self.total = total
    }

    /// What is held now.
    var count: Int { bytes.load(ordering: .relaxed) }

    /// Whether a frame may be added without more than `limit` being held. One is always taken where nothing is.
    func hasRoom(for frame: Int, limit: Int) -> Bool {
        frame < Self.smallestCounted || count == 0 || count + frame <= limit
    }

    fileprivate func add(_ change: Int) {
        bytes.add(change, ordering: .relaxed)
        total?.add(change)
    }
}

extension ZMQSocket {
    /// Sends a frame without blocking, and counts its bytes until libzmq has passed them on or dropped them.
    ///
    /// - Returns: whether libzmq took it; `false` when it would have had to wait.
    func send(_ frame: UnsafeRawBufferPointer, more: Bool, countedBy queued: QueuedBytes) throws(ZMQError) -> Bool {
        guard frame.count >= QueuedBytes.smallestCounted else { return try send(frame, more: more) }
        var message = zmq_msg_t()
        guard let copy = malloc(frame.count) else { throw ZMQError(call: "malloc") }
        copy.copyMemory(from: frame.baseAddress!, byteCount: frame.count)
        let release = Unmanaged.passRetained(Release(queued: queued, bytes: frame.count))
        guard zmq_msg_init_data(&message, copy, frame.count, releaseFrame, release.toOpaque()) == 0 else {
            let error = ZMQError(call: "zmq_msg_init_data")
            releaseFrame(copy, release.toOpaque())
            throw error
        }
        let flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)
        while zmq_msg_send(&message, pointer, flags) < 0 {
            let error = ZMQError(call: "zmq_msg_send")
            if error.code == EINTR { continue }
            zmq_msg_close(&message)
            if error.code == EAGAIN { return false }
            throw error
        }
        return true
    }
}

/// What is to be done when libzmq has no more use for a frame.
private final class Release: Sendable {
    let queued: QueuedBytes
    let bytes: Int

    init(queued: QueuedBytes, bytes: Int) {
        self.queued = queued
        self.bytes = bytes
        queued.add(bytes)
    }

    deinit {
        queued.add(-bytes)
    }
}

// A free function of exactly C's type, since libzmq calls it on a thread of its own.
private let releaseFrame: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void = { data, hint in
    free(data)
    if let hint { Unmanaged<Release>.fromOpaque(hint).release() }
}
