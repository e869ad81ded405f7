private import Glibc
internal import SystemSupport

/// Reads a log from its end, in blocks of whole lines, the last block first.
///
/// A text file is read in place. What is compressed or in UTF-16 is read from its start first, and its end is kept (`LogInput`); all
/// positions are then those in its text.
final class BackwardLogReader {
    /// A piece of the file: whole lines, or part of a line that is longer than a block.
    struct Block {
        var offset: Int
        var bytes: [UInt8]
    }

    private enum Content {
        case file(CInt)
        case tail(LogTail)
    }

    /// Small enough that a block full of failures is processed in about ten milliseconds.
    static let blockBytes = 256 << 10
    /// How long a block becomes where no line ends in a smaller one.
    private static let longestBlock = 1 << 20
    /// How far into a file lines are counted, in bytes.
    private static let countedBytes = 64 << 20

    private let content: Content
    /// Everything before this has not been read yet.
    private(set) var position: Int
    /// Where the text starts that can be read.
    let start: Int
    /// Where the text ended when it was opened.
    let size: Int
    /// When the file was last written, in seconds since 1970; `nil`: unknown.
    let modified: Double?
    /// What of the log could not be read, and why.
    let notes: [String]

    /// - Parameters:
    ///   - kept: how much is kept of the end of a log that can't be read backwards.
    ///   - deadline: until when such a log is read.
    /// - Throws: also for a folder, a device or a pipe, and for what is compressed in a way that arobust doesn't read.
    init(path: String, kept: Int = 64 << 20, deadline: ContinuousClock.Instant? = nil) throws(LogInputError) {
        let file = try LogFile(path: path)
        modified = file.modified
        let head = file.piece(from: 0, count: min(file.size, InputFormat.headBytes)) ?? []
        if InputFormat(head: head) == .text {
            content = .file(file.take())
            size = file.size
            // A byte order mark is no part of the first line.
            start = head.count - ByteOrderMark.dropped(from: head).count
            notes = []
        } else {
            let input = try LogInput(name: path, isPipe: false, kept: kept, deadline: deadline, file.read)
            content = .tail(input.tail)
            (start, size, notes) = (input.tail.start, input.tail.size, input.notes)
        }
        position = size
    }

    init(_ input: LogInput) {
        content = .tail(input.tail)
        (start, size, position, notes) = (input.tail.start, input.tail.size, input.tail.size, [])
        modified = nil
    }

    deinit {
        if case .file(let descriptor) = content { close(descriptor) }
    }

    /// - Returns: `nil` at the log's start, or if the file can't be read there (it was truncated, for instance).
    func next() -> Block? {
        var wanted = Self.blockBytes
        while position > start {
            let from = max(start, position - wanted)
            guard let bytes = piece(from: from, count: position - from) else { return nil }
            // The first line began before this block, so it is left for the next one.
            if from > start, let lineEnd = bytes.firstIndex(where: LineBounds.isEnd), lineEnd + 1 < bytes.count {
                position = from + lineEnd + 1
                return Block(offset: position, bytes: Array(bytes[(lineEnd + 1)...]))
            }
            if from == start || wanted == Self.longestBlock {
                position = from
                return Block(offset: from, bytes: bytes)
            }
            wanted = Self.longestBlock
        }
        return nil
    }

    /// The number of the line at an offset, from 1; `nil` if it is too far into the file, or the deadline has passed.
    func lineNumber(at offset: Int, deadline: ContinuousClock.Instant) -> Int? {
        var (number, position) = (1, start)
        switch content {
        case .file: if offset > Self.countedBytes { return nil }
        case .tail(let tail): number += tail.droppedNewlines
        }
        while position < offset {
            guard ContinuousClock.now < deadline,
                let bytes = piece(from: position, count: min(Self.blockBytes, offset - position))
            else { return nil }
            number += bytes.withUnsafeBytes(LineBounds.newlines)
            position += bytes.count
        }
        return number
    }

    /// - Returns: `nil` if the file has become shorter, or can't be read.
    func piece(from offset: Int, count: Int) -> [UInt8]? {
        switch content {
        case .file(let descriptor): LogFile.piece(of: descriptor, from: offset, count: count)
        case .tail(let tail): tail.piece(from: offset, count: count)
        }
    }
}

/// An open file that may be a log.
private final class LogFile {
    private var descriptor: CInt
    private let path: String
    private var position = 0
    let size: Int
    let modified: Double

    init(path: String) throws(LogInputError) {
        self.path = path
        var status = stat()
        do throws(SystemCallError) {
            // Non-blocking: a named pipe without a writer must not hold up the diagnosis.
            descriptor = try SystemCallError.retrying("open", path: path) {
                open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
            }
        } catch {
            throw .system(error)
        }
        let isKnown = fstat(descriptor, &status) == 0
        size = Int(status.st_size)
        modified = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
        // From here on, `deinit` closes the file.
        guard isKnown else { throw .system(SystemCallError("stat", path: path)) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw .noFile(name: path, kind: "a folder; give its files, or torchrun's with --log-dir")
        case S_IFIFO: throw .noFile(name: path, kind: "a pipe; give it with --log")
        default: throw .noFile(name: path, kind: "a device")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The descriptor, which the caller then closes.
    func take() -> CInt {
        defer { descriptor = -1 }
        return descriptor
    }

    func piece(from offset: Int, count: Int) -> [UInt8]? { Self.piece(of: descriptor, from: offset, count: count) }

    func read(_ block: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Int {
        let count = try SystemCallError.retrying("read", path: path) {
            pread(descriptor, block.baseAddress, block.count, off_t(position))
        }
        position += count
        return count
    }

    static func piece(of descriptor: CInt, from start: Int, count: Int) -> [UInt8]? {
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
