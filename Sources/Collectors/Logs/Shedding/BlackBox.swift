package import Diagnosis

/// The last lines read of a log, also those that were shed; when a root cause comes, what stood before it.
///
/// Between causes it costs one copy of the bytes.
package struct BlackBox: Sendable {
    /// What to publish at once.
    package struct Report: Hashable, Sendable {
        package let rule: String
        /// The last lines before the cause, the cause, and what has come of its event; or, if `isContinuation`, what came later.
        package let lines: [UInt8]
        package let isContinuation: Bool
        /// How many causes of the same kind were not reported since the last report.
        package let suppressed: Int

        /// As the content of a metric: a first line that says what it is, then the lines.
        package func content(path: String) -> String {
            var first = "arobust alarm: black box of \(path), rule \(rule): "
            first += isContinuation ? "more lines of the same event" : "the last lines up to a root cause"
            if suppressed > 0 { first += " (\(suppressed) more like it since the last report)" }
            return first + "\n" + String(decoding: lines.last == 0x0A ? lines.dropLast() : lines[...], as: UTF8.self)
        }
    }

    package static let defaultCapacity = 64 << 10
    /// The same kind of cause is not reported again for so long.
    static let quietTime: Duration = .seconds(60)
    /// No more reports than this in a quiet time, however many kinds there are.
    static let mostReports = 10
    /// How much of an event is followed after its cause.
    static let longestRest = 16 << 10

    private struct Kind: Hashable {
        var rule: String
        var template: UInt64
    }

    private let capacity: Int
    private var kept: [UInt8] = []
    /// Larger blocks that came after `kept`, each without its last newline. Holding them costs no copy.
    private var blocks: [String] = []
    private var blockBytes = 0
    private var known: [Kind: (time: ContinuousClock.Instant, suppressed: Int)] = [:]
    private var reportTimes: [ContinuousClock.Instant] = []
    private var followed: (rule: String, tracker: EventTracker, room: Int)?

    /// - Parameter capacity: in bytes; at least 1.
    package init(capacity: Int = BlackBox.defaultCapacity) {
        self.capacity = max(1, capacity)
    }

    /// Whether the event of a cause may go on in the next lines.
    var isFollowing: Bool { followed != nil }

    /// Keeps lines without a cause, while no event goes on.
    ///
    /// - Parameter lines: the next whole lines of the log, without the end of the last.
    mutating func keep(_ lines: String) {
        let count = lines.utf8.count + 1
        guard (Self.leastBlock...max(Self.leastBlock, 2 * capacity)).contains(count) else {
            keepBlocks()
            return append(lines)
        }
        blocks.append(lines)
        blockBytes += count
        if blockBytes >= capacity { kept = [] }
        while let first = blocks.first, blockBytes - first.utf8.count - 1 >= capacity {
            blockBytes -= first.utf8.count + 1
            blocks.removeFirst()
        }
    }

    /// Smaller blocks are copied, and much larger ones.
    private static let leastBlock = 4096

    /// Copies the blocks that were only held.
    private mutating func keepBlocks() {
        for block in blocks { append(block) }
        blocks = []
        blockBytes = 0
    }

    private mutating func append(_ lines: String) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(lines.utf8.count + 1)
        bytes += lines.utf8
        bytes.append(0x0A)
        bytes.withUnsafeBytes { append($0[...]) }
    }

    /// - Parameters:
    ///   - lines: the next whole lines of the log.
    ///   - judged: what a `LogObserver` says about them.
    package mutating func record(
        _ lines: UnsafeRawBufferPointer, judged: [JudgedLine], now: ContinuousClock.Instant
    ) -> [Report] {
        keepBlocks()
        var reports: [Report] = []
        if let rest = follow(lines, from: 0), !rest.lines.isEmpty {
            reports.append(Report(rule: rest.rule, lines: rest.lines, isContinuation: true, suppressed: 0))
        }
        var recorded = 0
        for cause in judged where cause.weight == .rootCause && cause.line.upperBound <= lines.count {
            let end =
                LineBytes.end(from: max(cause.line.lowerBound, cause.line.upperBound - 1), in: lines) ?? lines.count
            let text = UnsafeRawBufferPointer(rebasing: lines[cause.line])
            guard let suppressed = admit(Kind(rule: cause.rule, template: LineTemplate.hash(text)), now: now) else {
                continue
            }
            if end > recorded { append(lines[recorded..<end]) }
            recorded = max(recorded, end)
            trim()
            var tracker = EventTracker()
            kept.withUnsafeBytes { kept in
                var start = 0
                while let end = LineBytes.end(from: start, in: kept) {
                    _ = tracker.next(UnsafeRawBufferPointer(rebasing: kept[start..<end]))
                    start = end
                }
            }
            followed = tracker.isOpen ? (cause.rule, tracker, Self.longestRest) : nil
            let rest = follow(lines, from: recorded)?.lines ?? []
            reports.append(Report(rule: cause.rule, lines: kept + rest, isContinuation: false, suppressed: suppressed))
        }
        append(lines[recorded...])
        return reports
    }

    /// The lines from `start` that belong to the event of the last reported cause.
    private mutating func follow(_ lines: UnsafeRawBufferPointer, from start: Int) -> (rule: String, lines: [UInt8])? {
        guard var event = followed else { return nil }
        followed = nil
        var end = start
        while let next = LineBytes.end(from: end, in: lines) {
            let step = event.tracker.next(UnsafeRawBufferPointer(rebasing: lines[end..<next]))
            guard step.isInside, next - start <= event.room else { return (event.rule, Array(lines[start..<end])) }
            end = next
        }
        event.room -= end - start
        followed = event
        return (event.rule, Array(lines[start..<end]))
    }

    /// - Returns: how many like it went unreported; `nil` if it is too early for another report.
    private mutating func admit(_ kind: Kind, now: ContinuousClock.Instant) -> Int? {
        reportTimes.removeAll { now - $0 >= Self.quietTime }
        if let state = known[kind], now - state.time < Self.quietTime {
            known[kind]?.suppressed += 1
            return nil
        }
        guard reportTimes.count < Self.mostReports else { return nil }
        let suppressed = known[kind]?.suppressed ?? 0
        if known.count >= 256 { known = known.filter { now - $0.value.time < Self.quietTime } }
        known[kind] = (now, 0)
        reportTimes.append(now)
        return suppressed
    }

    private mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>) {
        if bytes.count >= capacity { kept.removeAll(keepingCapacity: true) }
        kept.append(contentsOf: bytes.suffix(capacity))
        // Cut rarely, so that a byte is moved about once.
        if kept.count > 2 * capacity { trim() }
    }

    private mutating func trim() {
        guard kept.count > capacity else { return }
        let cut = kept.count - capacity
        // From the next line on, if there is one.
        let line = kept[(cut - 1)...].firstIndex(of: 0x0A).map { $0 + 1 }
        kept.removeFirst(line.map { $0 < kept.count ? $0 : cut } ?? cut)
    }
}
