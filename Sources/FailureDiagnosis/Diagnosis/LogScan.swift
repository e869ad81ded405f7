internal import SystemSupport

/// Reads one log backwards, block by block, until the lines are too old to belong to this failure.
final class LogScan {
    let source: LogSource
    private(set) var findings: LogFindings
    private let reader: BackwardLogReader
    private let matcher: RuleMatcher
    private let time: LogTime
    private let incident: Double
    private(set) var isDone = false
    /// The last time in the log. Only its last block is searched for it, as many logs have no times at all.
    private(set) var lastTime: Double?
    private var hasReadLastBlock = false
    /// The launcher's report, if the log ends with one.
    private(set) lazy var report: ElasticReport? = {
        let count = min(reader.size, ElasticReport.reach)
        let start = reader.size - count
        return reader.piece(from: start, count: count)?.withUnsafeBytes { ElasticReport($0, from: start, time: time) }
    }()

    /// - Throws: if the log can't be opened.
    init(
        _ source: LogSource, matcher: RuleMatcher, time: LogTime, incident: Duration
    ) throws(SystemCallError) {
        reader = try BackwardLogReader(path: source.path)
        self.source = source
        self.matcher = matcher
        self.time = time
        self.incident = incident / .seconds(1)
        findings = LogFindings(source: source, table: matcher.table, time: time)
    }

    /// Reads one more block.
    ///
    /// - Parameter end: when the training failed, if that is known better than from this log's last time.
    func readBlock(end: Double?) {
        guard let block = reader.next() else {
            isDone = true
            return
        }
        let hits = block.bytes.withUnsafeBytes { matcher.hits(in: $0) }
        if !hasReadLastBlock { lastTime = time(in: block) }
        hasReadLastBlock = true
        let earliest = (end ?? lastTime).map { $0 - incident }
        findings.addBlock(block, hits: hits, earliest: earliest)
        isDone = findings.hasStart || isTooOld(block, earliest)
    }

    /// How many bytes at the file's start were left unread although they could belong to this failure.
    var unreadBytes: Int { isDone ? 0 : reader.position }

    /// What was found in the log. A line in the launcher's report belongs to the rank that the report names there.
    var sightings: [Sighting] {
        findings.sightings.map { sighting in
            var sighting = sighting
            if sighting.rank == nil, let offset = sighting.offset {
                sighting.rank = report?.entries.first { $0.range.contains(offset) }?.rank
            }
            return sighting
        }
    }

    /// Whether the training went on after a line of this log.
    func goesOn(after sighting: Sighting) -> Bool {
        guard let offset = sighting.offset else { return false }
        return Progress(time: time, matcher: matcher).goesOn(after: offset, writtenAt: sighting.time, in: reader)
    }

    func lineNumber(at offset: Int, deadline: ContinuousClock.Instant) -> Int? {
        reader.lineNumber(at: offset, deadline: deadline)
    }

    private func time(in block: BackwardLogReader.Block) -> Double? {
        block.bytes.withUnsafeBytes { LineTimes(bytes: $0, time: time).last(before: $0.count) }
    }

    private func isTooOld(_ block: BackwardLogReader.Block, _ earliest: Double?) -> Bool {
        guard let earliest, let first = block.bytes.withUnsafeBytes({ time.read($0) }) else { return false }
        return first < earliest
    }
}

/// Dates lines that have no time of their own.
struct LineTimes {
    /// How many lines back a time is searched for.
    private static let maximumLines = 300

    let bytes: UnsafeRawBufferPointer
    let time: LogTime

    /// The time of the last line before `position` that has one.
    func last(before position: Int) -> Double? {
        var end = position
        for _ in 0..<Self.maximumLines {
            guard end > 0 else { return nil }
            var start = end - 1
            while start > 0, bytes[start - 1] != 0x0A { start -= 1 }
            if let found = time.read(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) { return found }
            end = start
        }
        return nil
    }
}

/// A line as it is shown, and the rank in its prefix.
enum LineText {
    /// How much of a line is shown, in bytes.
    static let maximumBytes = 1000

    /// The line's text without white space at its end, a container's envelope and escape sequences; control characters are written out, and
    /// bytes that are not UTF-8 are replaced.
    static func shown(_ line: UnsafeRawBufferPointer) -> String {
        var end = line.count
        while end > 0, line[end - 1] == 0x20 || line[end - 1] == 0x0D { end -= 1 }
        let text = ProgramText.shown(UnsafeRawBufferPointer(rebasing: line[..<end]))
        return text.utf8.count <= maximumBytes ? text : String(decoding: text.utf8.prefix(maximumBytes), as: UTF8.self)
    }

    /// The rank in the line's prefix: PyTorch writes `[rank3]`, its launcher `[default3]`, srun `3: `; `LinePrefix` lists others.
    static func rank(of line: UnsafeRawBufferPointer) -> Int? {
        let head = UnsafeRawBufferPointer(rebasing: line[..<min(line.count, 96)])
        for prefix in ["[rank", "[default"] {
            guard let found = ByteText.find(Array(prefix.utf8), in: head, ignoresCase: false) else { continue }
            var text = TimeReader(bytes: head, index: found + prefix.utf8.count)
            if let rank = text.number(), text.consume(oneOf: "]") != nil { return rank }
        }
        return ProgramText(line).rank
    }
}
