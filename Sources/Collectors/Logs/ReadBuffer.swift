/// Bytes between the file and the chunks: filled at the end, consumed at the front, moved together only when room is needed.
final class ReadBuffer {
    private let initialCapacity: Int
    /// Empty until something is read.
    private var storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var start = 0
    private var end = 0

    init(capacity: Int) {
        initialCapacity = capacity
    }

    deinit {
        storage.deallocate()
    }

    var count: Int { end - start }

    /// The memory it takes while it holds something, in bytes.
    var capacity: Int { storage.count == 0 ? initialCapacity : storage.count }

    /// What has been read and not consumed. Valid until the next call that changes the buffer.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: storage[start..<end])
    }

    func consume(_ count: Int) {
        precondition(count <= self.count, "more consumed than was read")
        start += count
        if start == end { removeAll() }
    }

    /// Forgets the last bytes.
    func removeLast(_ count: Int) {
        precondition(count <= self.count, "more removed than was read")
        end -= count
    }

    /// Forgets everything, and gives back the memory that one long line took.
    func removeAll() {
        start = 0
        end = 0
        if storage.count > initialCapacity { replaceStorage(capacity: initialCapacity) }
    }

    /// Gives back the memory of an empty buffer, until something is read again.
    func rest() {
        guard start == end else { return }
        storage.deallocate()
        storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        start = 0
        end = 0
    }

    /// Lets `read` write up to `room` bytes behind those that are here.
    ///
    /// - Returns: how many it wrote.
    func fill<Failure: Error>(
        room: Int, from read: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) -> Int {
        if storage.count - end < room { makeRoom(room) }
        let written = try read(UnsafeMutableRawBufferPointer(rebasing: storage[end..<(end + room)]))
        end += written
        return written
    }

    private func makeRoom(_ room: Int) {
        let count = self.count
        if storage.count == 0, room <= initialCapacity {
            replaceStorage(capacity: initialCapacity)
        } else if storage.count - count < room {
            // Twice as much: a line that grows bit by bit is not copied each time.
            replaceStorage(capacity: max(count + room, storage.count * 2))
        } else {
            UnsafeMutableRawBufferPointer(rebasing: storage[..<count]).copyMemory(from: bytes)
            start = 0
            end = count
        }
    }

    private func replaceStorage(capacity: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: bytes)
        let count = self.count
        storage.deallocate()
        storage = larger
        start = 0
        end = count
    }
}
