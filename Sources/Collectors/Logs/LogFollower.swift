internal import Diagnosis
internal import Glibc
internal import Logging

/// Goes through the files that a log's path names one after the other, and gives their lines in chunks.
///
/// All calls block on the file system. What was given stays in the buffer and is given again until it is confirmed.
struct LogFollower {
    /// A chunk and where it lies.
    struct Lines {
        let content: String
        let lineCount: Int
        let position: LogPosition
        let span: LogSpan
    }

    /// What may still be read from the open file.
    enum Phase {
        /// It is the log: an unfinished line waits for its end.
        case following
        /// The path names another file, in which writing has begun: read to the end, then the unfinished line is a line.
        case finishing
        /// It holds other content than was read: only what is in the buffer still counts.
        case draining
    }

    /// Where reading begins when the next file is opened.
    enum Seat {
        case configured
        case start
        case stored(LogPosition)
    }

    static let continuationMark = " [arobust: line continues]"

    let path: String
    let configuration: LogCollector.Configuration
    let logger: Logger
    var file: LogFile?
    var phase = Phase.following
    var seat = Seat.configured
    /// Offset of the buffer's first byte: all before it is confirmed.
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
    /// When the open file's content, as it was read, was changed last: nanoseconds since 1970.
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
        self.configuration = configuration
        self.logger = logger
        problems = ProblemLog(interval: configuration.problemInterval)
        cutter = LineCutter(chunkBytes: configuration.chunkBytes, maxLineBytes: configuration.maxLineBytes)
        buffer = ReadBuffer(capacity: max(4096, configuration.readBytes) + cutter.chunkBytes + 1)
    }

    /// The file's offset behind all that was read.
    var readOffset: UInt64 { offset + UInt64(buffer.count) }

    /// Forgets what was read and takes up a stored position at the next round.
    mutating func resume(from position: LogPosition) {
        leaveFile()
        seat = .stored(position)
    }

    /// The next unconfirmed lines, or `nil` when none is finished.
    mutating func next() -> Lines? {
        look()
        while file != nil {
            if buffer.count <= cutter.chunkBytes { _ = fill() }
            switch cutter.cut(buffer.bytes) {
            case .lines(let byteCount, let lineCount):
                return lines(byteCount: byteCount, dropping: 1, lineCount: lineCount)
            case .piece(let byteCount):
                warnOfLongLine()
                return lines(byteCount: byteCount, mark: Self.continuationMark, endsWithinLine: true)
            case .incomplete:
                if fill() || phase == .draining && moveToCopy() { continue }
                if buffer.count > 0, phase != .following || isQuietlyUnlinked {
                    return lines(byteCount: buffer.count)
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

    /// Moves on behind `span`, which was reported. Anything but the stretch that follows the last confirmed one changes nothing.
    ///
    /// - Returns: whether it is that stretch.
    @discardableResult
    mutating func confirm(_ span: LogSpan) -> Bool {
        guard span.generation == generation, span.start == offset, span.end <= readOffset else { return false }
        let count = Int(span.end - span.start)
        confirmedTail = lastBytes(before: count)
        buffer.consume(count)
        offset = span.end
        cutter.reset()
        if !span.endsWithinLine { warnedOfLongLine = false }
        hasConfirmed = true
        return true
    }

    /// Closes the file and forgets what was read of it and not confirmed.
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

    /// Where the file would be read on after the buffer's first `byteCount` bytes.
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

    /// After `copytruncate`, goes on in the copy, which has what was not read in time. Tried once a truncation.
    private mutating func moveToCopy() -> Bool {
        guard !soughtCopy, let place = position(after: 0) else { return false }
        soughtCopy = true
        return openOldFile(place)
    }

    private func lines(
        byteCount: Int, dropping newline: Int = 0, lineCount: Int = 1, mark: String = "", endsWithinLine: Bool = false
    ) -> Lines? {
        guard let position = position(after: byteCount) else { return nil }
        var content = String(decoding: buffer.bytes.prefix(byteCount - newline), as: UTF8.self)
        content += mark
        return Lines(
            content: content, lineCount: lineCount, position: position,
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
