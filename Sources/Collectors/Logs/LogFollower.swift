internal import Diagnosis
internal import Glibc
internal import Logging
internal import SystemSupport

/// Reads the files that a log's path names one after the other, and gives their lines in chunks.
///
/// All calls block on the file system. A chunk stays in the buffer, and is given again, until it is confirmed.
struct LogFollower {
    /// What may still be read from the open file.
    enum Phase {
        /// It is the log: an unfinished line waits for its end.
        case following
        /// The path names another file, in which writing has begun: read to the end, then the unfinished line is a line.
        case finishing
        /// Its content is no longer what was read: only the buffer still counts.
        case draining
    }

    /// Where reading begins when the next file is opened.
    enum StartPoint {
        /// Where the configuration says.
        case configured
        /// At its first byte.
        case start
        case stored(LogPosition)
    }

    /// Follows each piece but the last of a line that is too long.
    static let continuationMark = " [arobust: line continues]"

    let path: String
    /// Names the log among a client's positions.
    let key: String
    let configuration: LogCollector.Configuration
    let logger: Logger
    var file: LogFile?
    var phase = Phase.following
    var nextStart = StartPoint.configured
    /// Offset in the file of the buffer's first byte: everything before it is confirmed.
    var offset: UInt64 = 0
    let buffer: ReadBuffer
    /// The first bytes of the open file, at most `FileMark.length`.
    var head: [UInt8] = []
    /// The last bytes before the end of what was read, at most `FileMark.length`.
    var tail: [UInt8] = []
    /// The last bytes before `offset`, at most `FileMark.length`.
    var confirmedTail: [UInt8] = []
    /// The open file as the last round saw it.
    var known: FileStatus?
    /// When the open file, as it was read, was last changed: nanoseconds since 1970.
    var modified: Int64 = 0
    /// Whether the file has changed since its content was last compared with `head` and `tail`.
    var needsCheck = false
    /// The file's size when `next()` last found nothing more in it.
    var endSeen: UInt64?
    /// Whether the file has lost its last name and did not grow since `next()` found its end.
    var isQuietlyUnlinked = false
    var problems: ProblemLog
    private(set) var hasConfirmed = false
    private var generation = 0
    private var cutter: LineCutter
    private var warnedOfLongLine = false
    private var soughtCopy = false

    init(path: String, configuration: LogCollector.Configuration, logger: Logger) {
        self.path = path
        key = "log:\(path)"
        self.configuration = configuration
        self.logger = logger
        problems = ProblemLog(interval: configuration.problemInterval)
        cutter = LineCutter(chunkBytes: configuration.chunkBytes, maxLineBytes: configuration.maxLineBytes)
        buffer = ReadBuffer(capacity: max(4096, configuration.readBytes) + cutter.chunkBytes + 1)
    }

    /// The offset in the file after everything that was read.
    var readOffset: UInt64 { offset + UInt64(buffer.count) }

    /// Forgets what was read, and goes on at a stored position in the next round.
    mutating func resume(from position: LogPosition) {
        leaveFile()
        nextStart = .stored(position)
    }

    /// The next unconfirmed lines, or `nil` when none is finished.
    mutating func next() -> LogChunk? {
        look()
        while file != nil {
            if buffer.count <= cutter.chunkBytes { _ = fill() }
            switch cutter.cut(buffer.bytes) {
            case .lines(let byteCount, let lineCount):
                return chunk(byteCount: byteCount, dropping: 1, lineCount: lineCount)
            case .piece(let byteCount):
                warnOfLongLine()
                return chunk(byteCount: byteCount, mark: Self.continuationMark, endsWithinLine: true)
            case .incomplete:
                if fill() || phase == .draining && moveToCopy() { continue }
                if buffer.count > 0, phase != .following || isQuietlyUnlinked {
                    return chunk(byteCount: buffer.count)
                }
                // The next look at the path opens the file that took its place.
                guard phase != .following else {
                    endSeen = readOffset
                    return nil
                }
                leaveFile()
                look()
            }
        }
        return nil
    }

    /// Moves on past a chunk that was reported. Any other than the one right after the last confirmed changes nothing.
    ///
    /// - Returns: whether it is that one.
    @discardableResult
    mutating func confirm(_ chunk: LogChunk) -> Bool {
        guard let span = chunk.span, span.generation == generation, span.start == offset, span.end <= readOffset
        else { return false }
        let count = Int(span.end - span.start)
        confirmedTail = lastBytes(before: count)
        buffer.consume(count)
        offset = span.end
        cutter.reset()
        if !span.endsWithinLine { warnedOfLongLine = false }
        hasConfirmed = true
        return true
    }

    /// Closes the file and forgets what was read from it and not confirmed.
    mutating func leaveFile() {
        file = nil
        known = nil
        phase = .following
        isQuietlyUnlinked = false
        endSeen = nil
        needsCheck = false
        generation += 1
        offset = 0
        buffer.removeAll()
        cutter.reset()
        head = []
        tail = []
        confirmedTail = []
        soughtCopy = false
        warnedOfLongLine = false
    }

    /// Where reading would go on after the buffer's first `byteCount` bytes.
    func position(after byteCount: Int) -> LogPosition? {
        guard let file else { return nil }
        let end = offset + UInt64(byteCount)
        let mark = FileMark(head: head.prefix(Int(clamping: end)), tail: lastBytes(before: byteCount))
        return LogPosition(identity: file.identity, offset: end, modified: modified, mark: mark)
    }

    /// The bytes before the buffer's byte `index`, at most `FileMark.length`.
    private func lastBytes(before index: Int) -> [UInt8] {
        let bytes = buffer.bytes.prefix(index).suffix(FileMark.length)
        return confirmedTail.suffix(FileMark.length - bytes.count) + bytes
    }

    /// After `copytruncate`, goes on in the copy, which has what was not read in time. Tried once per truncation.
    private mutating func moveToCopy() -> Bool {
        guard !soughtCopy, let place = position(after: 0) else { return false }
        soughtCopy = true
        return openOldFile(place)
    }

    private func chunk(
        byteCount: Int, dropping newline: Int = 0, lineCount: Int = 1, mark: String = "", endsWithinLine: Bool = false
    ) -> LogChunk? {
        guard let position = position(after: byteCount) else { return nil }
        var content = String(decoding: buffer.bytes.prefix(byteCount - newline), as: UTF8.self)
        content += mark
        return LogChunk(
            content: content, lineCount: lineCount, position: SourcePosition(key: key, bytes: position.bytes),
            span: LogSpan(
                generation: generation, start: offset, end: position.offset, endsWithinLine: endsWithinLine))
    }

    private mutating func warnOfLongLine() {
        guard !warnedOfLongLine else { return }
        warnedOfLongLine = true
        logger.warning(
            "A line of the log is longer than allowed and is sent in pieces.",
            metadata: ["offset": "\(offset)", "maxLineBytes": "\(cutter.maxLineBytes)"])
    }
}
