/// Finds, from a log's end backwards, the place after which the training made no more progress than a few steps: what a line before it tells
/// was survived.
///
/// Only steps count, three of them, each higher than the one before. Fewer may be those of other ranks, or what was left in a buffer.
struct ProgressBoundary {
    private static let steps = 3
    /// How many lines it takes that give the loss and no step.
    private static let uncounted = 6
    /// After so many lines whose counters are too high, the counters began again there: in a new epoch, or a new attempt.
    private static let mostTooHigh = 8
    /// How much of a log is searched for progress, in bytes.
    private static let reach = 4 << 20
    /// How many lines that look like progress are examined for it.
    private static let mostLines = 5000

    /// Where the line of the third last step starts; `nil` if there is none.
    private(set) var offset: Int?
    /// The last line of progress, and when it was written, in seconds since 1970, if that is known.
    private(set) var last: (line: ProgressLine, time: Double?)?
    /// Where the log's last line of progress starts.
    private(set) var end: Int?
    /// The line with the highest counters of a log that has too few steps for a boundary.
    var newest: ProgressLine? {
        windows.values.compactMap(\.lines.first?.line).filter { !$0.counts.isEmpty }.max { $0.isBefore($1) }
    }
    private var windows: [Int: Window] = [:]
    private var searched = 0
    private var examined = 0

    private struct Window {
        var lines: [(line: ProgressLine, offset: Int)]
        var tooHigh = 0
        var lastTime: Double?
    }

    var isSearching: Bool { offset == nil && searched < Self.reach && examined < Self.mostLines }

    /// Adds the block before those added so far.
    ///
    /// - Parameters:
    ///   - excluded: where lines start that are no progress, since they match a rule, or belong to a traceback.
    ///   - time: when a line was written.
    mutating func addBlock(
        _ bytes: UnsafeRawBufferPointer, at start: Int, excluded: Set<Int>, time: (Range<Int>) -> Double?
    ) {
        defer { searched += bytes.count }
        var end = bytes.count
        while isSearching, end > 0 {
            while end > 0, LineBounds.isEnd(bytes[end - 1]) { end -= 1 }
            var first = end
            while first > 0, !LineBounds.isEnd(bytes[first - 1]) { first -= 1 }
            let line = first..<end
            end = first
            guard !line.isEmpty, !excluded.contains(line.lowerBound) else { continue }
            let head = UnsafeRawBufferPointer(rebasing: bytes[line.prefix(1000)])
            guard ProgressLine.isPossible(head) else { continue }
            examined += 1
            guard let progress = ProgressLine(ProgramText(head).bytes) else { continue }
            add(progress, at: start + line.lowerBound) { time(line) }
        }
    }

    private mutating func add(_ line: ProgressLine, at position: Int, time: () -> Double?) {
        end = end ?? position
        guard var window = windows[line.shape], let oldest = window.lines.last?.line else {
            if windows.count < 1000 { windows[line.shape] = Window(lines: [(line, position)], lastTime: time()) }
            return
        }
        if line.isBefore(oldest) {
            window.lines.append((line, position))
            window.tooHigh = 0
        } else if oldest.isBefore(line) {
            window.tooHigh += 1
            if window.tooHigh >= Self.mostTooHigh {
                window = Window(lines: [(line, position)], lastTime: time())
            }
        }
        windows[line.shape] = window
        guard window.lines.count >= (line.counts.isEmpty ? Self.uncounted : Self.steps), let newest = window.lines.first
        else { return }
        offset = position
        last = (newest.line, window.lastTime)
    }
}
