private import Diagnosis
internal import SystemSupport

/// Reads one log backwards, block by block, until the lines are too old to belong to this failure.
final class LogScan {
    let source: LogSource
    private(set) var findings: LogFindings
    private let reader: BackwardLogReader
    private let matcher: RuleMatcher
    private let time: LogTime
    private let relevance: KernelRelevance?
    /// The kernel's lines that don't concern the training, one for each rule.
    private var irrelevant: [Int: Sighting] = [:]
    private var period: LogPeriod
    private var range: ClosedRange<Double>?
    /// What was found in the block that contains the beginning of this failure, before that beginning.
    private var older: LogFindings
    /// What was found before the last steps of the training.
    private var survived: LogFindings
    private(set) var progress = ProgressBoundary()
    private var ordinaryLines = 0
    private var readBehindProgress = 0
    /// How much is read of what comes before the last steps, in bytes: enough to know what this training survives.
    private static let readBeforeProgress = 1 << 20
    /// After so many lines that the training survived, a rule's further ones say little.
    private static let noise = 3
    private(set) var isDone = false
    /// When the log was last written, by its lines.
    var lastTime: Double? { period.last }
    /// The launcher's report, if the log ends with one.
    private(set) lazy var report: ElasticReport? = {
        let count = min(reader.size - reader.start, ElasticReport.reach)
        let start = reader.size - count
        return reader.piece(from: start, count: count)?.withUnsafeBytes { ElasticReport($0, from: start, time: time) }
    }()

    /// The exit codes that are named at the log's end, after the last step.
    private(set) lazy var exitCodes: Set<Int> = {
        let start = max(reader.start, reader.size - ReportedExitCodes.reach, progress.end ?? 0)
        return reader.piece(from: start, count: reader.size - start)?.withUnsafeBytes(ReportedExitCodes.read) ?? []
    }()

    /// - Parameter relevance: for the kernel's log, what of it concerns the training.
    init(
        _ source: LogSource, _ reader: BackwardLogReader, matcher: RuleMatcher, time: LogTime, incident: Duration,
        relevance: KernelRelevance? = nil
    ) {
        self.relevance = relevance
        self.reader = reader
        self.source = source
        self.matcher = matcher
        self.time = time
        period = LogPeriod(modified: reader.modified, incident: incident / .seconds(1), time: time)
        findings = LogFindings(source: source, matcher: matcher, time: time)
        older = findings
        survived = findings
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
        block.bytes.withUnsafeBytes { bytes in
            let (hits, bodies) = matcher.match(
                bytes, kind: relevance != nil ? .kernelLog : isLastBlock ? .logEnd : .log)
            period.readEnd(bytes)
            range = period.range(end: end)
            let old = LineTimes(bytes: bytes, time: time, period: range).oldPart()
            let special = bodies.union(hits.map(\.line.lowerBound))
            let ordinary = OrdinaryLines(bytes, later: ordinaryLines, excluded: special)
            ordinaryLines = ordinary.total
            if relevance == nil, progress.isSearching { findProgress(bytes, at: block.offset, excluded: special) }
            var current = hits.filter { !old.range.contains($0.line.lowerBound) }
            if let relevance { current.removeAll { isIrrelevant($0, relevance, bytes, at: block.offset) } }
            let boundary = progress.offset.map { $0 - block.offset } ?? 0
            findings.addBlock(
                block, hits: current.filter { $0.line.lowerBound >= boundary }, ordinary: ordinary, period: range)
            if boundary > 0 {
                survived.addBlock(
                    block, hits: current.filter { $0.line.lowerBound < boundary }, ordinary: ordinary, period: range)
                readBehindProgress += min(boundary, block.bytes.count)
            }
            if old.isBeforeJump, isLastBlock, !findings.hasStart, let last = range?.upperBound {
                let hits = hits.filter {
                    old.range.contains($0.line.lowerBound) && $0.line.lowerBound >= boundary
                }
                older.addBlock(block, hits: hits, ordinary: ordinary, period: 0...last)
            }
            isDone =
                findings.hasStart || survived.hasStart || old.isSustained
                || readBehindProgress >= Self.readBeforeProgress
        }
    }

    private func findProgress(_ bytes: UnsafeRawBufferPointer, at offset: Int, excluded: Set<Int>) {
        let times = LineTimes(bytes: bytes, time: time, period: range)
        progress.addBlock(bytes, at: offset, excluded: excluded) { line in
            times.own(of: line) ?? times.last(before: line.lowerBound)
        }
    }

    private func isIrrelevant(
        _ hit: RuleHit, _ relevance: KernelRelevance, _ bytes: UnsafeRawBufferPointer, at offset: Int
    ) -> Bool {
        let rule = matcher.table.rules[hit.rule]
        guard rule.role == .rootCause || rule.role == .confirmation else { return false }
        let text = LineText.shown(hit.line, in: bytes, rule: hit.rule, matcher)
        let time = LineTimes(bytes: bytes, time: time, period: range).own(of: hit.line)
        guard let dismissal = relevance.dismissal(of: text, rule: rule, time: time) else { return false }
        var sighting = Sighting(
            rule: hit.rule, text: text, file: source.path, offset: offset + hit.line.lowerBound, time: time)
        sighting.count = 1 + (irrelevant[hit.rule]?.count ?? 0)
        sighting.dismissal = dismissal
        irrelevant[hit.rule] = sighting
        return true
    }

    /// What the training survived, or what comes from an exception that another one caused.
    var dismissed: [Sighting] {
        let survivors = survived.sightings.map { sighting in
            var sighting = sighting
            sighting.dismissal = progress.last.map { .survived($0.line) }
            return sighting
        }
        return (survivors + irrelevant.values + findings.asides).map(withRank)
    }

    /// The exceptions that steps follow, and which may have ended the training all the same.
    ///
    /// - Parameter isException: whether a rank ended as with an exception.
    func lastWords(isException: Bool) -> [Sighting] {
        let words = LastWords(reader: reader)
        return survived.sightings.filter { $0.standing == .raised }.compactMap { sighting in
            var sighting = withRank(sighting)
            sighting.isSilent = words.isSilent(after: sighting)
            sighting.isLast = !sighting.isSilent && isException && words.isLast(sighting)
            return sighting.isSilent || sighting.isLast ? sighting : nil
        }
    }

    /// When the log's first line was written, in seconds since 1970, if it has a time.
    private(set) lazy var firstTime: Double? = {
        guard let range, reader.start == 0,
            let head = reader.piece(from: 0, count: min(reader.size, 64 << 10))
        else { return nil }
        return head.withUnsafeBytes { bytes in
            let times = LineTimes(bytes: bytes, time: time, period: 0...range.upperBound)
            return times.own(of: 0..<0) ?? times.next(after: 0)
        }
    }()

    /// Adds what the log's end tells about ranks that waited for each other.
    func tell(_ story: inout TimeoutStory) {
        let count = min(reader.size - reader.start, TimeoutStory.reach)
        reader.piece(from: reader.size - count, count: count)?.withUnsafeBytes { story.add($0, rank: source.rank) }
    }

    /// How many bytes at the file's start were left unread although they could belong to this failure.
    var unreadBytes: Int { isDone ? 0 : reader.position - reader.start }

    /// Whether all of the file was looked at.
    var isWhole: Bool { reader.position == reader.start && reader.start == 0 }

    /// What was found in the log. A line in the launcher's report belongs to the rank that the report names there.
    var sightings: [Sighting] {
        findings.sightings.map { sighting in
            var sighting = withRank(sighting)
            sighting.isNoise = survived.first[sighting.rule].map { $0.count >= Self.noise } ?? false
            return sighting
        }
    }

    /// What was found before the time in which the failure seems to have begun: the clock may have been set forward in between.
    var olderSightings: [Sighting] { older.lastSightings.map(withRank) }

    private func withRank(_ sighting: Sighting) -> Sighting {
        var sighting = sighting
        if sighting.rank == nil, let offset = sighting.offset {
            sighting.rank = report?.entries.first { $0.range.contains(offset) }?.rank
        }
        return sighting
    }

    func lineNumber(at offset: Int, deadline: ContinuousClock.Instant) -> Int? {
        reader.lineNumber(at: offset, deadline: deadline)
    }
}
