internal import LogText

/// One exception that a traceback names.
struct RaisedException: Sendable {
    enum Standing: Hashable, Sendable {
        /// It ended the code that raised it; the first of a chain.
        case raised
        /// Another exception came before it, and is the cause: a chain's later ones, a group around its parts.
        case consequence
        /// Python went on after it: `Exception ignored in`, a logging error, one at exit.
        case ignored
        /// It ended a thread or a task, not the process.
        case inThread
        /// Somebody printed it: as a warning, or indented, as the output of another program.
        case quoted
        /// Only the last line of a traceback, with none before it.
        case bare
    }

    /// Where the line is, in bytes.
    var line: Range<Int>
    /// `ValueError: batch 7 has no labels`, without any prefix.
    var text: [UInt8]
    var standing: Standing
    /// Who wrote it, as far as a launcher's prefix tells; else 0.
    var writer: UInt64 = 0
    /// What stands before each of its lines, if that is the same and no margin.
    var prefix: [UInt8] = []
    var rank: Int?
}

/// Reads the tracebacks in a piece of a log. What stands before `Traceback (most recent call last):`, or before the frames, is the prefix of all
/// of its lines; the first line after the frames with that prefix is the exception.
struct TracebackReader {
    static let mark = "Traceback (most recent call last)"
    /// A frame's line, with which the tracebacks of syntax errors begin.
    static let frame = "  File \""
    /// The same, as JSON writes it.
    static let writtenFrame = "  File \\\""
    static let marks = [mark, frame, writtenFrame]
    /// How many lines a traceback may have, and how many of others may stand between them.
    private static let mostLines = 4000
    private static let mostForeign = 300
    /// How many lines are searched for the exception if only frames are there: they may be no traceback's.
    private static let mostHeadless = 60
    /// How many lines are read in all, and how many exceptions: a text made of nothing but beginnings must not take for ever.
    private static let mostLinesInAll = 20_000
    private static let mostExceptions = 1000
    /// How many lines are looked at around a traceback: for its prefix, and for the next one of its chain.
    private static let linesAround = 100
    /// How far from an exception's line the next one of its chain begins, in lines.
    private static let chainReach = 60

    private let bytes: UnsafeRawBufferPointer
    private var linesLeft = mostLinesInAll
    private(set) var exceptions: [RaisedException] = []
    /// Where the tracebacks' other lines start: nothing in them is a line by itself.
    private(set) var bodies: Set<Int> = []
    /// The starts of chains' later tracebacks, by what they follow.
    private var chained: [Int: RaisedException.Standing] = [:]

    /// - Parameter lines: those with a mark or a frame, in their order.
    init(_ bytes: UnsafeRawBufferPointer, lines: [Range<Int>]) {
        self.bytes = bytes
        for line in lines where !bodies.contains(line.lowerBound) { read(at: line.lowerBound) }
    }

    private mutating func read(at start: Int) {
        var lines = TracebackLines(bytes, from: start)
        var hasMark = false
        while let line = lines.next(), line.range.lowerBound == start {
            guard let head = TracebackHead(line.text), !(hasMark && head.isFrame) else { continue }
            hasMark = true
            readTraceback(head, after: lines, at: line)
            // A line that holds a whole traceback may hold another.
            if !line.isWritten { return }
        }
    }

    private mutating func readTraceback(
        _ head: TracebackHead, after lines: TracebackLines, at first: TracebackLines.Line
    ) {
        guard linesLeft > 0, exceptions.count < Self.mostExceptions else { return }
        linesLeft -= Self.linesAround
        guard let prefix = head.prefix(before: lines) else { return }
        // What stands between the first line of another writer and the exception is a part only if there is an exception.
        var body = first.isWritten ? [] : [first.range.lowerBound]
        var certain = body.count
        defer { bodies.formUnion(body.prefix(certain)) }
        var lines = lines
        var (count, foreign) = (0, 0)
        let most = head.isFrame && !first.isWritten ? Self.mostHeadless : Self.mostLines
        defer { linesLeft -= count }
        while let line = lines.next(), count < most, foreign < Self.mostForeign {
            count += 1
            guard let end = prefix.end(in: line.text) else {
                foreign += 1
                continue
            }
            let rest = line.text[end...]
            if rest.isEmpty { continue }
            if TracebackHead.isBody(rest, isBoxed: head.isBoxed) || rest.starts(with: Self.mark.utf8) {
                if !line.isWritten { body.append(line.range.lowerBound) }
                if foreign == 0 { certain = body.count }
                continue
            }
            guard head.isFrame ? ExceptionLine.isReportedException(rest) : ExceptionLine.isException(rest) else {
                foreign += 1
                continue
            }
            certain = body.count
            var standing = chained[first.range.lowerBound] ?? head.standing(before(first.range.lowerBound), prefix)
            let follows = chain(after: lines, prefix)
            if head.isGroup || follows == .inner { standing = .consequence }
            let exception = RaisedException(
                line: line.range, text: ExceptionLine.normalized(rest), standing: standing, writer: prefix.writer,
                prefix: prefix.writersOwn, rank: prefix.rank)
            // Where ranks' lines run into each other, several tracebacks seem to end with the same line.
            let isKnown = exceptions.contains { $0.line == exception.line && $0.text == exception.text }
            if !isKnown { exceptions.append(exception) }
            if head.isGroup { readParts(of: exception, after: lines) }
            return
        }
    }

    /// Reads the parts of a group that have no traceback of their own: `+---------------- 2 ----------------` stands before each.
    private mutating func readParts(of group: RaisedException, after lines: TracebackLines) {
        var lines = lines
        var isFirst = false
        for _ in 0..<Self.mostLines {
            guard let line = lines.next() else { return }
            let text = line.text.withUnsafeBytes { ProgramText($0).bytes }.drop { $0 == 0x20 }
            if text.first == UInt8(ascii: "+") {
                isFirst = true
                continue
            }
            guard line.text.contains(UInt8(ascii: "|")) else { return }
            if isFirst, ExceptionLine.isException(text) {
                var part = group
                (part.line, part.text, part.standing) = (line.range, ExceptionLine.normalized(text), .raised)
                exceptions.append(part)
            }
            isFirst = false
        }
    }

    private enum Chain { case none, inner }

    /// Looks whether another traceback of the same chain follows, and remembers where.
    private mutating func chain(after lines: TracebackLines, _ prefix: TracebackPrefix) -> Chain {
        var lines = lines
        var isChain = false
        for _ in 0..<Self.chainReach {
            guard let line = lines.next() else { return .none }
            guard let end = prefix.end(in: line.text) else { continue }
            let rest = line.text[end...]
            if rest.starts(with: "Original Traceback".utf8) { return .inner }
            if TracebackHead.isChainMark(rest) { isChain = true }
            if rest.starts(with: Self.mark.utf8) || rest.starts(with: "╭".utf8) {
                if isChain { chained[line.range.lowerBound] = .consequence }
                return .none
            }
        }
        return .none
    }

    /// The three lines before a place, the last first.
    private func before(_ start: Int) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var end = start
        while lines.count < 3, end > 0 {
            var last = end
            while last > 0, LineBounds.isEnd(bytes[last - 1]) { last -= 1 }
            var first = last
            while first > 0, !LineBounds.isEnd(bytes[first - 1]), last - first < 1000 { first -= 1 }
            guard last > first else { break }
            lines.append(ProgramText(UnsafeRawBufferPointer(rebasing: bytes[first..<last])).bytes)
            end = first
        }
        return lines
    }
}
