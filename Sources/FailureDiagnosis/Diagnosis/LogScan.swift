internal import SystemSupport

/// Reads one log backwards, block by block, until the lines are too old to belong to this failure.
final class LogScan {
    let source: LogSource
    private(set) var findings: LogFindings
    private let reader: BackwardLogReader
    private let matcher: RuleMatcher
    private let time: LogTime
    private var period: LogPeriod
    private var range: ClosedRange<Double>?
    /// What was found in the block that contains the beginning of this failure, before that beginning.
    private var older: LogFindings
    private(set) var isDone = false
    /// When the log was last written, by its lines.
    var lastTime: Double? { period.last }
    /// The launcher's report, if the log ends with one.
    private(set) lazy var report: ElasticReport? = {
        let count = min(reader.size - reader.start, ElasticReport.reach)
        let start = reader.size - count
        return reader.piece(from: start, count: count)?.withUnsafeBytes { ElasticReport($0, from: start, time: time) }
    }()

    init(_ source: LogSource, _ reader: BackwardLogReader, matcher: RuleMatcher, time: LogTime, incident: Duration) {
        self.reader = reader
        self.source = source
        self.matcher = matcher
        self.time = time
        period = LogPeriod(modified: reader.modified, incident: incident / .seconds(1), time: time)
        findings = LogFindings(source: source, matcher: matcher, time: time)
        older = findings
        let last = min(reader.size - reader.start, BackwardLogReader.blockBytes)
        reader.piece(from: reader.size - last, count: last)?.withUnsafeBytes { period.readEnd($0) }
    }

    /// Whether neither the log's lines nor its file are from the hour in which the training failed.
    func isOlder(than end: Double) -> Bool { period.isOlder(than: end) }

    /// Reads one more block.
    ///
    /// - Parameter end: when the training failed, if that is known better than from this log's last time.
    func readBlock(end: Double?) {
        guard let block = reader.next() else {
            isDone = true
            return
        }
        let isLastBlock = block.offset + block.bytes.count == reader.size
        let hits = block.bytes.withUnsafeBytes { matcher.hits(in: $0) }
        block.bytes.withUnsafeBytes { period.readEnd($0) }
        range = period.range(end: end)
        let old = block.bytes.withUnsafeBytes { LineTimes(bytes: $0, time: time, period: range).oldPart() }
        findings.addBlock(block, hits: hits.filter { !old.range.contains($0.line.lowerBound) }, period: range)
        if old.isBeforeJump, isLastBlock, !findings.hasStart, let last = range?.upperBound {
            let hits = hits.filter { old.range.contains($0.line.lowerBound) }
            older.addBlock(block, hits: hits, period: 0...last)
        }
        isDone = findings.hasStart || old.isSustained
    }

    /// How many bytes at the file's start were left unread although they could belong to this failure.
    var unreadBytes: Int { isDone ? 0 : reader.position - reader.start }

    /// What was found in the log. A line in the launcher's report belongs to the rank that the report names there.
    var sightings: [Sighting] { findings.sightings.map(withRank) }

    /// What was found before the time in which the failure seems to have begun: the clock may have been set forward in between.
    var olderSightings: [Sighting] { older.lastSightings.map(withRank) }

    private func withRank(_ sighting: Sighting) -> Sighting {
        var sighting = sighting
        if sighting.rank == nil, let offset = sighting.offset {
            sighting.rank = report?.entries.first { $0.range.contains(offset) }?.rank
        }
        return sighting
    }

    /// Whether the training went on after a line of this log.
    func goesOn(after sighting: Sighting) -> Bool {
        guard let offset = sighting.offset else { return false }
        let period = range.map { min($0.lowerBound, sighting.time ?? .infinity)...$0.upperBound }
        return Progress(time: time, matcher: matcher, period: period)
            .goesOn(after: offset, writtenAt: sighting.time, in: reader)
    }

    func lineNumber(at offset: Int, deadline: ContinuousClock.Instant) -> Int? {
        reader.lineNumber(at: offset, deadline: deadline)
    }
}
