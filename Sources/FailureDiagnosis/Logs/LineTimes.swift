private import Glibc

/// When a piece of a log's lines were written.
struct LineTimes {
    /// How many lines back a time is searched for.
    static let maximumLines = 300
    /// How many old lines in a row end the search for the failure: one or two may be dates that the text is about.
    private static let sustained = 3
    /// How far times must jump forward to look like a clock that was set, in seconds, and how many lines may follow: after more, a training
    /// was started again later.
    private static let jump = 1800.0
    private static let fewLines = 100

    let bytes: UnsafeRawBufferPointer
    let time: LogTime
    /// A time outside is not the line's own: the text is about another day, or the clock was wrong. `nil`: no line has a time.
    let period: ClosedRange<Double>?

    /// The line's own time.
    func own(of line: Range<Int>) -> Double? {
        guard let period, let found = time.read(slice(whole(line))) else { return nil }
        return period.contains(found) ? found : nil
    }

    /// The time of the last line before `position` that has one.
    func last(before position: Int) -> Double? {
        guard period != nil else { return nil }
        var end = start(of: position)
        for _ in 0..<Self.maximumLines {
            guard let line = previous(before: end) else { return nil }
            if let found = own(of: line) { return found }
            end = line.lowerBound
        }
        return nil
    }

    /// The time of the first line after `position` that has one.
    func next(after position: Int) -> Double? {
        guard period != nil else { return nil }
        var start = end(of: position)
        for _ in 0..<Self.maximumLines {
            while start < bytes.count, LineBounds.isEnd(bytes[start]) { start += 1 }
            guard start < bytes.count else { return nil }
            let line = start..<end(of: start)
            if let found = own(of: line) { return found }
            start = line.upperBound
        }
        return nil
    }

    /// What a piece has of an earlier failure.
    struct OldPart: Hashable {
        var range = 0..<0
        /// Whether all that comes before the piece is old, too.
        var isSustained = false
        /// Whether the times jump forward after it, and little follows: the clock may have been set.
        var isBeforeJump = false
    }

    /// Everything before the first line of this period, if lines there have earlier times.
    ///
    /// The place decides, not each line's time: what comes after a line of this period was written later, whatever date it gives. Lines
    /// without a time belong to the last one before them, if that is near.
    func oldPart() -> OldPart {
        guard let period else { return OldPart() }
        var (first, last, lastLine, old) = (0, -Double.infinity, 0, 0)
        var (lines, position, near) = (0, 0, 0)
        var current: Double?
        var ends = LineEnds(bytes: bytes)
        while position < bytes.count, current == nil {
            let line = position..<ends.next(from: position)
            defer { position = line.upperBound + 1 }
            guard !line.isEmpty else { continue }
            lines += 1
            if let found = time.read(slice(line)), found <= period.upperBound {
                if found >= period.lowerBound {
                    current = found
                    near = min(near, line.lowerBound)
                    continue
                }
                if old == 0 { first = position }
                (old, last, lastLine) = (old + 1, found, lines)
            }
            if lines - lastLine <= Self.maximumLines { near = min(line.upperBound + 1, bytes.count) }
        }
        guard old > 0 else { return OldPart() }
        let isSustained = old >= Self.sustained || (current == nil && old * 10 >= lines)
        guard isSustained || current != nil else { return OldPart() }
        return OldPart(
            range: (old > 1 || isSustained ? 0 : first)..<near, isSustained: isSustained,
            isBeforeJump: current.map { $0 - last >= Self.jump } ?? false && isShort(from: position))
    }

    private func isShort(from start: Int) -> Bool {
        LineBounds.newlines(in: slice(min(start, bytes.count)..<bytes.count)) <= Self.fewLines
    }

    /// The non-empty line that ends before `end`, which is where a line starts.
    private func previous(before end: Int) -> Range<Int>? {
        var end = end
        while end > 0, LineBounds.isEnd(bytes[end - 1]) { end -= 1 }
        return end > 0 ? start(of: end)..<end : nil
    }

    /// The line of which this is a part.
    func whole(_ line: Range<Int>) -> Range<Int> { start(of: line.lowerBound)..<end(of: line.upperBound) }

    private func start(of position: Int) -> Int {
        var start = position
        while start > 0, !LineBounds.isEnd(bytes[start - 1]) { start -= 1 }
        return start
    }

    private func end(of position: Int) -> Int {
        var end = position
        while end < bytes.count, !LineBounds.isEnd(bytes[end]) { end += 1 }
        return end
    }

    private func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }
}

extension LineTimes {
    /// The times of the last lines, the last first, and how many lines were looked at, at most `limit`.
    func lastTimes(_ count: Int, limit: Int) -> (times: [Double], lines: Int) {
        var (times, lines, end): ([Double], Int, Int) = ([], 0, bytes.count)
        while times.count < count, lines < limit, let line = previous(before: end) {
            lines += 1
            if let found = time.read(slice(line)) { times.append(found) }
            end = line.lowerBound
        }
        return (times, lines)
    }
}

/// Finds the ends of lines one after the other.
private struct LineEnds {
    private let bytes: UnsafeRawBufferPointer
    private var newline = -1
    private var carriageReturn = -1

    init(bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// The first end of a line at or after a position, which must not be before the last one.
    mutating func next(from position: Int) -> Int {
        if newline < position { newline = find(0x0A, from: position) }
        if carriageReturn < position { carriageReturn = find(0x0D, from: position) }
        return min(newline, carriageReturn)
    }

    private func find(_ byte: CInt, from position: Int) -> Int {
        guard let base = bytes.baseAddress, position < bytes.count,
            let found = memchr(base + position, byte, bytes.count - position)
        else { return bytes.count }
        return UnsafeRawPointer(found) - base
    }
}
