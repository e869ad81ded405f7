private import CZeroMQ
private import Glibc
private import Synchronization

/// How many bytes of large frames libzmq holds because their receivers have not read them: its high-water marks count messages only, and
/// 1,024 messages may be 1 MiB or 16 GiB. May be used from any thread.
final class QueuedBytes: Sendable {
    /// Shorter frames are not counted: the high-water mark bounds them well enough.
    static let smallestCounted = 1 << 10

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
        // The count stands before the frame, for whoever frees it.
        guard let block = malloc(countSize + frame.count) else { throw ZMQError(call: "malloc") }
        block.storeBytes(of: frame.count, as: Int.self)
        let copy = block + countSize
        copy.copyMemory(from: frame.baseAddress!, byteCount: frame.count)
        queued.add(frame.count)
        let counter = Unmanaged.passRetained(queued).toOpaque()
        guard zmq_msg_init_data(&message, copy, frame.count, releaseFrame, counter) == 0 else {
            let error = ZMQError(call: "zmq_msg_init_data")
            releaseFrame(copy, counter)
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

/// What the count takes, so that the frame behind it is aligned as malloc aligns.
private let countSize = 16

/// Called when libzmq has no more use for a frame, also on its own threads: a free function of exactly C's type.
private let releaseFrame: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void = {
    data, counter in
    guard let data, let counter else { return }
    let block = data - countSize
    Unmanaged<QueuedBytes>.fromOpaque(counter).takeRetainedValue().add(-block.load(as: Int.self))
    free(block)
}
