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
        /// Where a file ended that is gone: the one at the path may be a longer copy of it.
        case copy(LogPosition)
    }

    /// Follows each piece but the last of a line that is too long.
    static let continuesMark = " [arobust: line continues]"
    static let mostTurnBytes = 4 << 20
    /// Precedes what is added to a line after its beginning went out, since its file had been quiet.
    static let continuedMark = "[arobust: line continued] "

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
    /// How many NULs follow the buffer in the file: a hole, which nobody needs to read.
    var hole: UInt64 = 0
    /// Whether all that was read ends in a hole, which may go on: of its rest, fewer NULs are no content, too.
    var isInHole = false
    /// What has been reported of the line at `offset`.
    var line = LineState.begins
    /// The first bytes of the open file, at most `FileMark.length`.
    var head: [UInt8] = []
    /// The last bytes that were read and are no hole, at most `FileMark.length`, and where they end. A hole tells no file from another.
    var tail: (bytes: [UInt8], end: UInt64) = ([], 0)
    /// The last bytes before `offset` that are no hole, at most `FileMark.length`, and where they end.
    var confirmedTail: (bytes: [UInt8], end: UInt64) = ([], 0)
    /// The open file as the last round saw it.
    var known: FileStatus?
    /// When the open file, as it was read, was last changed: nanoseconds since 1970.
    var modified: Int64 = 0
    /// Whether the file has changed since its content was last compared with `head` and `tail`.
    var needsCheck = false
    /// The file's size when `next()` last found nothing more in it.
    var endSeen: UInt64?
    /// Whether the path names another file than the open one, or none.
    var isReplaced = false
    /// Whether the file has lost its last name and did not grow since `next()` found its end.
    var isQuietlyUnlinked = false
    var problems: ProblemLog
    /// Where the open file is, without symbolic links.
    var resolvedPath = ""
    /// Where the last file ended that was read to its end, until the one at the path is opened.
    var finished: LogPosition?
    /// Where the last few files ended that were read to their end.
    var recent: [LogPosition] = []
    /// When something was last read from the file, or it was opened.
    var lastRead = ContinuousClock.now
    private(set) var hasConfirmed = false
    var generation = 0
    var cutter: LineCutter
    let rules: ContentRules
    var blocks: EventBlocks
    /// Whether a container runtime writes the open file; `nil` until its first line is read.
    var isContainerFile: Bool?
    /// Since when lines wait because an event is not over.
    var heldSince: ContinuousClock.Instant?
    var lastProgress: ContinuousClock.Instant?
    var skippedNulls = QuietCounter()
    var warnedOfLongLine = false
    /// How much was read since `next()` was called.
    var turnBytes = 0
    /// Whether `next()` gave nothing only because it had read enough: there may be more at once.
    private(set) var isTurnOver = false
    private var soughtCopy = false

    /// - Parameter use: what it is read for, in front of the path in `key`.
    init(path: String, configuration: LogCollector.Configuration, logger: Logger, use: String = "log") {
        self.path = path
        key = "\(use):\(path)"
        self.configuration = configuration
        self.logger = logger
        problems = ProblemLog(interval: configuration.problemInterval)
        cutter = LineCutter(chunkBytes: configuration.chunkBytes, maxLineBytes: configuration.maxLineBytes)
        buffer = ReadBuffer(capacity: max(4096, configuration.readBytes) + cutter.chunkBytes + 1)
        blocks = EventBlocks(hardLimit: cutter.maxLineBytes)
        rules = ContentRules(keepsCarriageReturns: configuration.progress == .raw)
    }

    /// The offset in the file after everything that was read.
    var readOffset: UInt64 { offset + UInt64(buffer.count) + hole }

    /// Whether there may be something to report though nothing was written: the beginning of a line, or the rest of a file that was replaced.
    var isWaiting: Bool { file != nil && (buffer.count > 0 || hole > 0 || isReplaced) }

    /// How much of the open file was not given yet, as far as the last look at it tells.
    var unread: UInt64 {
        guard let known, known.size > offset else { return 0 }
        return known.size - offset
    }

    /// Forgets what was read, and goes on at a stored position in the next round.
    mutating func resume(from position: LogPosition) {
        leaveFile()
        nextStart = .stored(position)
    }

    /// The next unconfirmed lines, or `nil` when none is finished, or when a call has read `mostTurnBytes` without finding any: of NULs, or of
    /// the states of a progress bar.
    ///
    /// - Parameter isLast: whether nobody may ask again, so that an unfinished line goes out at once.
    mutating func next(now: ContinuousClock.Instant = .now, isLast: Bool = false) -> LogChunk? {
        turnBytes = 0
        isTurnOver = false
        look()
        while file != nil {
            guard turnBytes < Self.mostTurnBytes else {
                isTurnOver = true
                return nil
            }
            if buffer.count <= cutter.chunkBytes, fill() { lastRead = now }
            skipFront()
            switch cutter.cut(buffer.bytes) {
            case .lines(let byteCount, let lineCount):
                guard let count = eventCut(now: now, isLast: isLast) else { return nil }
                return chunk(
                    byteCount: count, dropping: 1,
                    lineCount: count == byteCount
                        ? lineCount : Self.newlines(in: UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count])))
            case .piece(let byteCount):
                if skipOldStates() { continue }
                warnOfLongLine()
                return chunk(byteCount: byteCount, mark: Self.continuesMark, line: .afterPiece)
            case .incomplete:
                if fill() {
                    lastRead = now
                    continue
                }
                if hole > 0 {
                    if let chunk = lineBeforeHole() { return chunk }
                    continue
                }
                if phase == .draining && moveToCopy() { continue }
                if buffer.count > 0, phase != .following || isQuietlyUnlinked {
                    return chunk(byteCount: buffer.count)
                }
                // The next look at the path opens the file that took its place.
                guard phase != .following else {
                    endSeen = readOffset
                    return unfinishedLine(now: now, isLast: isLast)
                }
                finishFile()
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
        confirmedTail = (lastBytes(before: count), span.end)
        buffer.consume(count)
        offset = span.end
        line = span.line
        cutter.reset()
        blocks.advance()
        if span.line != .afterPiece { warnedOfLongLine = false }
        hasConfirmed = true
        return true
    }

    /// Closes the file and forgets what was read from it and not confirmed.
    mutating func leaveFile() {
        file = nil
        known = nil
        phase = .following
        isReplaced = false
        isQuietlyUnlinked = false
        endSeen = nil
        needsCheck = false
        generation += 1
        offset = 0
        hole = 0
        isInHole = false
        line = .begins
        lastProgress = nil
        isContainerFile = nil
        heldSince = nil
        buffer.removeAll()
        cutter.reset()
        blocks.reset()
        head = []
        tail = ([], 0)
        confirmedTail = ([], 0)
        soughtCopy = false
        warnedOfLongLine = false
    }

    /// Where reading would go on after the buffer's first `byteCount` bytes.
    func position(after byteCount: Int) -> LogPosition? {
        guard let file else { return nil }
        // Before a hole rather than in it.
        let end = byteCount == 0 ? confirmedTail.end : offset + UInt64(byteCount)
        let mark = FileMark(head: head.prefix(Int(clamping: end)), tail: lastBytes(before: byteCount))
        return LogPosition(
            identity: file.identity, offset: end, modified: modified, mark: mark, line: line,
            resolvedPath: resolvedPath)
    }

    /// The bytes before the buffer's byte `index`, at most `FileMark.length`.
    func lastBytes(before index: Int) -> [UInt8] {
        let bytes = buffer.bytes.prefix(index).suffix(FileMark.length)
        guard bytes.isEmpty || confirmedTail.end == offset else { return Array(bytes) }
        return confirmedTail.bytes.suffix(FileMark.length - bytes.count) + bytes
    }

    /// After `copytruncate`, goes on in the copy, which has what was not read in time. Tried once per truncation.
    private mutating func moveToCopy() -> Bool {
        guard !soughtCopy, let place = position(after: 0) else { return false }
        soughtCopy = true
        return openOldFile(place)
    }
}
