internal import Diagnosis
internal import SystemSupport

/// What one log's chunks become under a rate limit and beside a black box.
struct LogShedding {
    /// A chunk as it is reported.
    struct Prepared {
        let lines: LogChunk
        /// Where they came from, with the times that they give.
        var origin: MetricOrigin?
        /// What a `LogObserver` says about the lines.
        let judged: [JudgedLine]
        /// The lines that are sent, with marks where some were left out.
        let content: String
        /// Which lines were left out; `nil` if none was.
        let shed: Shed?
    }

    /// Lines that the rate limit left out of a chunk.
    struct Shed: Hashable {
        /// The content of the envelope that stands for them.
        let content: String
        let origin: MetricOrigin
        /// How many bytes of text were left out.
        let bytes: Int
    }

    /// More ranges of one chunk are not listed.
    private static let mostRanges = 100

    private let path: String
    private let observer: (any LogObserver)?
    private var shedder: LineShedder?
    private var blackBox: BlackBox?
    /// What of the black box is still to be reported, the oldest first.
    var alarms: [BlackBox.Report] = []
    private var prepared: Prepared?

    /// - Parameter observer: judges the lines; without one there is no black box, and a limit knows no failure lines.
    init(path: String, limits: LineShedder.Limits?, blackBoxBytes: Int, observer: (any LogObserver)?) {
        self.path = path
        self.observer = observer
        shedder = limits.map { LineShedder($0) }
        if blackBoxBytes > 0, observer != nil { blackBox = BlackBox(capacity: blackBoxBytes) }
    }

    /// Prepares a chunk, once: one that could not be reported comes again, and is the same then.
    mutating func prepare(_ lines: LogChunk, now: ContinuousClock.Instant = .now) -> Prepared {
        if let prepared, prepared.lines == lines { return prepared }
        var content = lines.content
        var made: Prepared
        let judged = observer.map { observer in content.withUTF8 { observer.judge(UnsafeRawBufferPointer($0)) } } ?? []
        if passes(lines, judged, now: now) {
            blackBox?.keep(lines.content)
            made = Prepared(lines: lines, origin: lines.origin, judged: judged, content: lines.content, shed: nil)
        } else {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(content.utf8.count + 1)
            bytes += content.utf8
            bytes.append(0x0A)
            made = bytes.withUnsafeBytes { prepare(lines, $0, judged, now: now) }
        }
        if let observer, made.origin?.firstTime == nil {
            content.withUTF8 { made.origin?.addTimes(of: UnsafeRawBufferPointer($0), by: observer) }
        }
        prepared = made
        return made
    }

    /// Forgets the chunk, which was reported: its text would take memory in every open file.
    mutating func forgetPrepared() {
        prepared = nil
    }

    /// Whether the lines are sent as they are, and the black box has nothing to tell of them.
    private mutating func passes(_ lines: LogChunk, _ judged: [JudgedLine], now: ContinuousClock.Instant) -> Bool {
        if let blackBox, blackBox.isFollowing || judged.contains(where: { $0.weight == .rootCause }) { return false }
        return shedder?.passes(lines.content.utf8.count + 1, now: now) ?? true
    }

    private mutating func prepare(
        _ lines: LogChunk, _ bytes: UnsafeRawBufferPointer, _ judged: [JudgedLine], now: ContinuousClock.Instant
    ) -> Prepared {
        alarms += blackBox?.record(bytes, judged: judged, now: now) ?? []
        let block = shedder?.shed(bytes, judged: judged, now: now, wallClock: WallClock.seconds())
        guard let block, !block.isComplete, var origin = lines.origin else {
            return Prepared(
                lines: lines, origin: lines.origin, judged: judged, content: lines.content, shed: nil)
        }
        let gaps = block.gaps
        let count = gaps.reduce(0) { $0 + $1.lineCount }
        let size = gaps.reduce(0) { $0 + $1.bytes.count }
        let start = origin.firstOffset
        // The offsets in the text are those in the file only where nothing of it was rewritten.
        let isVerbatim = origin.endOffset - start == UInt64(bytes.count)
        if isVerbatim, let first = gaps.first, let last = gaps.last {
            origin.firstOffset = start + UInt64(first.bytes.lowerBound)
            origin.endOffset = start + UInt64(last.bytes.upperBound)
        }
        origin.lines = count
        origin.isShed = true
        var content = "arobust: the rate limit left out \(count) lines (\(size) bytes) of \(path)"
        if isVerbatim {
            let ranges = gaps.prefix(Self.mostRanges).map {
                "\(start + UInt64($0.bytes.lowerBound))-\(start + UInt64($0.bytes.upperBound))"
            }
            content += ", bytes " + ranges.joined(separator: ", ")
            if gaps.count > Self.mostRanges { content += " and \(gaps.count - Self.mostRanges) more ranges" }
        }
        return Prepared(
            lines: lines, origin: lines.origin, judged: judged,
            content: String(decoding: block.text(of: bytes).dropLast(), as: UTF8.self),
            shed: Shed(content: content, origin: origin, bytes: size))
    }
}

extension MetricOrigin {
    /// How many lines at either end are searched for a time.
    private static let mostLines = 32

    /// Adds the times of the first and the last line that has one.
    fileprivate mutating func addTimes(of lines: UnsafeRawBufferPointer, by observer: any LogObserver) {
        var start = 0
        for _ in 0..<Self.mostLines where start < lines.count && firstTime == nil {
            let end = LineBytes.end(from: start, in: lines) ?? lines.count
            firstTime = observer.time(of: ContainerText.withoutEnd(.init(rebasing: lines[start..<end])))
            start = end
        }
        var end = lines.count
        for _ in 0..<Self.mostLines where end > 0 && lastTime == nil && firstTime != nil {
            let start = lines[..<end].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
            lastTime = observer.time(of: UnsafeRawBufferPointer(rebasing: lines[start..<end]))
            end = start - 1
        }
        lastTime = lastTime ?? firstTime
    }
}
