private import Glibc

/// Reads a log from its end, in blocks of whole lines, the last block first.
final class BackwardLogReader {
    /// A piece of the file: whole lines, or a part of a line that is longer than a block.
    struct Block {
        var offset: Int
        var bytes: [UInt8]
    }

    /// Small enough that a block full of faults is done in some ten milliseconds.
    static let blockBytes = 256 << 10

    private let descriptor: Int32
    /// What lies before has not been read.
    private(set) var position: Int
    /// The file's size when it was opened.
    let size: Int

    /// - Returns: `nil` if the file cannot be opened, or is no regular file; `errno` says why.
    init?(path: String) {
        guard let descriptor = FileDescriptor.openForReading(path) else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            errno = EINVAL
            return nil
        }
        self.descriptor = descriptor
        size = Int(status.st_size)
        position = size
    }

    deinit { close(descriptor) }

    /// - Returns: `nil` at the file's start, or where it cannot be read (it was cut, say).
    func next() -> Block? {
        guard position > 0 else { return nil }
        let start = max(0, position - Self.blockBytes)
        guard let bytes = piece(from: start, count: position - start) else { return nil }
        guard start > 0, let lineEnd = bytes.firstIndex(of: 0x0A), lineEnd + 1 < bytes.count else {
            position = start
            return Block(offset: start, bytes: bytes)
        }
        // The first line has begun before this block: it goes with the next one.
        position = start + lineEnd + 1
        return Block(offset: position, bytes: Array(bytes[(lineEnd + 1)...]))
    }

    /// How far into a file lines are counted, in bytes.
    private static let countedBytes = 64 << 20

    /// The number of the line at an offset, from 1; `nil`: it is too far in the file, or the deadline is over.
    func lineNumber(at offset: Int, deadline: ContinuousClock.Instant) -> Int? {
        guard offset <= Self.countedBytes else { return nil }
        var number = 1
        var start = 0
        while start < offset {
            guard ContinuousClock.now < deadline,
                let bytes = piece(from: start, count: min(Self.blockBytes, offset - start))
            else { return nil }
            for byte in bytes where byte == 0x0A { number += 1 }
            start += bytes.count
        }
        return number
    }

    /// - Returns: `nil` if the file has become shorter, or cannot be read.
    func piece(from start: Int, count: Int) -> [UInt8]? {
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count, let base = buffer.baseAddress {
                let read = pread(descriptor, base + filled, count - filled, off_t(start + filled))
                if read < 0, errno == EINTR { continue }
                guard read > 0 else { return }
                filled += read
            }
        }
        return bytes.count == count ? bytes : nil
    }
}
