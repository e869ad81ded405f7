private import Glibc
private import SystemPackage
internal import SystemSupport

/// Reads a log from its end, in blocks of whole lines, the last block first.
final class BackwardLogReader {
    /// A piece of the file: whole lines, or part of a line that is longer than a block.
    struct Block {
        var offset: Int
        var bytes: [UInt8]
    }

    /// Small enough that a block full of failures is processed in about ten milliseconds.
    static let blockBytes = 256 << 10
    /// How far into a file lines are counted, in bytes.
    private static let countedBytes = 64 << 20

    private let descriptor: CInt
    /// Everything before this has not been read yet.
    private(set) var position: Int
    /// The file's size when it was opened.
    let size: Int

    /// - Throws: also for anything that is not a regular file (`EINVAL`).
    init(path: String) throws(SystemCallError) {
        // Non-blocking: a named pipe without a writer must not hold up the diagnosis.
        descriptor = try SystemCallError.retrying("open", path: path) {
            open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        }
        var status = stat()
        let isKnown = fstat(descriptor, &status) == 0
        size = Int(status.st_size)
        position = size
        // From here on, `deinit` closes the file.
        guard isKnown else { throw SystemCallError("stat", path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemCallError("read", path: path, code: .invalidArgument)
        }
    }

    deinit { close(descriptor) }

    /// A byte-order mark at the file's start is in no block.
    ///
    /// - Returns: `nil` at the file's start, or if the file can't be read there (it was truncated, for instance).
    func next() -> Block? {
        guard position > 0 else { return nil }
        let start = max(0, position - Self.blockBytes)
        guard let bytes = piece(from: start, count: position - start) else { return nil }
        guard start > 0, let lineEnd = bytes.firstIndex(of: 0x0A), lineEnd + 1 < bytes.count else {
            position = start
            guard start == 0 else { return Block(offset: start, bytes: bytes) }
            let text = ByteOrderMark.dropped(from: bytes)
            return text.isEmpty ? nil : Block(offset: text.startIndex, bytes: Array(text))
        }
        // The first line began before this block, so it is left for the next one.
        position = start + lineEnd + 1
        return Block(offset: position, bytes: Array(bytes[(lineEnd + 1)...]))
    }

    /// The number of the line at an offset, from 1; `nil` if it is too far into the file, or the deadline has passed.
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

    /// - Returns: `nil` if the file has become shorter, or can't be read.
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
