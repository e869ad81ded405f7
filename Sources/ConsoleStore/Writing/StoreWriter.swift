internal import Diagnosis
internal import FailureDiagnosis
internal import Logging
internal import SQLite
internal import SystemSupport
internal import TrainingProgress

/// Writes what was reported. For one thread at a time, within the transactions of `ConsoleStore`.
final class StoreWriter {
    static let mostNodes = 20_000
    static let mostRowsOfNode = 4096
    static let mostStreamsOfNode = 10_000
    static let mostSeriesOfNode = 10_000

    let database: SQLiteDatabase
    let options: ConsoleStoreOptions
    let rules: RuleTable
    let watch: LogWatch
    let profiles = ProfileTable.builtIn
    var caches = StoreCaches()
    var leftOutSeries: UInt64 = 0
    var dropped: UInt64 = 0
    /// Where the next round of retention goes on among the series.
    var retentionSeries: Int64 = 0
    /// When it was last looked for nodes, logs and series that are gone.
    var lastLookForUnheard: ContinuousClock.Instant?

    init(_ database: SQLiteDatabase, options: ConsoleStoreOptions) throws(SQLiteError) {
        self.database = database
        self.options = options
        rules = .builtIn
        watch = LogWatch(rules: .builtIn, logger: Logger(label: "arobust.console") { _ in SwiftLogNoOpLogHandler() })
        try forget()
    }

    /// Reads anew what no longer is as the transaction had it.
    func forget() throws(SQLiteError) {
        caches = StoreCaches()
        let last = try database.statement("SELECT coalesce(max(id), 0) FROM line")
        defer { last.reset() }
        var next = try last.step() ? last.int(0) + 1 : 1
        let spans = try database.statement("SELECT coalesce(sum(lines), 0), coalesce(max(id), 0) FROM span")
        defer { spans.reset() }
        if try spans.step() {
            caches.lineCount = spans.int(0)
            // Numbers of lines that are gone are not given again.
            next = max(next, StoreSchema.lines(of: spans.int(1)).lowerBound)
        }
        caches.nextLine = max(1, next)
        try openSpan(StoreSchema.span(of: caches.nextLine))
    }

    // MARK: envelopes

    /// Keeps the new envelopes of a batch.
    func take(_ batch: EnvelopeBatch, number: Int, from source: ReportSource, into outcome: inout TakeOutcome) throws {
        let key = StoreCaches.NodeKey(type: batch.nodeType, rank: batch.nodeRank)
        guard try node(key, source: source) != nil else {
            for index in 0..<batch.count {
                outcome.refused.append(
                    .init(
                        batch: number, index: index, reason: "the store knows \(Self.mostNodes) nodes and takes no more"
                    ))
            }
            return
        }
        for (index, entry) in batch.entries.enumerated() {
            let arrival = WallClock.milliseconds
            if batch.epoch > 0 {
                switch try pass(batch, entry, key, arrival) {
                case nil:
                    outcome.duplicates += 1
                    continue
                case let missing?: outcome.missing += missing
                }
            }
            caches.nodes[key]?.received += 1
            caches.nodes[key]?.lastHeard = arrival
            caches.nodes[key]?.source = source
            if entry.publishTime > 0 {
                caches.nodes[key]?.lag = Self.lag(arrival, entry.publishTime)
            }
            caches.changedNodes.insert(key)
            let body: MetricBody
            do throws(MetricJSONError) {
                body = try MetricBody(checking: batch.body(of: entry))
            } catch {
                outcome.refused.append(.init(batch: number, index: index, reason: "\(error)"))
                continue
            }
            try keep(body, of: batch, entry, key, arrival)
            outcome.taken += 1
        }
    }

    static func lag(_ arrival: Int64, _ publishTime: UInt64) -> Double {
        max(0, Double(arrival) / 1000 - Double(publishTime) / 1e9)
    }

    /// Moves the lane on.
    ///
    /// - Returns: how many envelopes are missing before this one; `nil` if it was here before.
    private func pass(
        _ batch: EnvelopeBatch, _ entry: EnvelopeBatch.Entry, _ key: StoreCaches.NodeKey, _ arrival: Int64
    ) throws(SQLiteError) -> Int64? {
        let position = LanePosition(epoch: batch.epoch, sequence: entry.sequence)
        guard var lane = try lane(batch.lane) else {
            try addLane(batch.lane, at: position, node: caches.nodes[key]?.id ?? 0, arrival, entry.publishTime)
            return 0
        }
        defer {
            lane.lastHeard = arrival
            caches.lanes[batch.lane] = lane
            caches.changedLanes.insert(batch.lane)
        }
        guard position > lane.position else {
            lane.duplicates += 1
            return nil
        }
        let expected = position.epoch == lane.position.epoch ? lane.position.sequence + 1 : 1
        var missing: Int64 = 0
        if position.sequence > expected {
            let lost = SequenceRange(epoch: position.epoch, first: expected, last: position.sequence - 1)
            missing = Int64(clamping: lost.count)
            try addGap(lost, lane, batch, since: lane.lastHeard, entry, key)
        }
        lane.missing = lane.missing.addingReportingOverflow(missing).overflow ? .max : lane.missing + missing
        lane.received += 1
        lane.position = position
        lane.lag = Self.lag(arrival, entry.publishTime)
        lane.node = caches.nodes[key]?.id ?? lane.node
        return missing
    }

    private func keep(
        _ body: MetricBody, of batch: EnvelopeBatch, _ entry: EnvelopeBatch.Entry, _ key: StoreCaches.NodeKey,
        _ arrival: Int64
    ) throws {
        let node = caches.nodes[key]?.id ?? 0
        let given = entry.publishTime > 0 ? Int64(clamping: entry.publishTime / 1_000_000) : 0
        let collected = Int64(clamping: entry.collectionTime)
        // Whole seconds lose against the time of publishing, unless it waited: a day in the future is nobody's time.
        var time = given > 0 && abs(given / 1000 - collected) <= 2 ? given : (collected > 0 ? collected &* 1000 : given)
        if time <= 0 || time > arrival + 86_400_000 { time = arrival }
        let envelope = StoredEnvelope(
            node: node, nodeRank: batch.nodeRank, type: batch.lane.dataType, time: time, origin: batch.origin(of: entry)
        )
        if let attempt = envelope.origin?.attempt {
            try noteAttempt(run: envelope.origin?.run, attempt, node: node, at: time)
        }
        switch batch.lane.dataType {
        case .trainingLog: try keepLines(body.content, of: envelope)
        case .xpuTimerMetric, .prometheusMetric: try keepPage(body.content, of: envelope)
        case .incident: try keepRecord(body.content, of: envelope)
        default: try keepText(body.content, of: envelope)
        }
    }

    // MARK: the end of a transaction

    /// Writes what was only counted so far.
    func flush() throws(SQLiteError) {
        try flushRows()
        try flushActivity()
        try flushNodes()
        try flushLanes()
        try flushSpan()
    }
}

/// What is known of an envelope beside its text.
struct StoredEnvelope {
    var node: Int64
    var nodeRank: Int
    var type: DiagnosisDataType
    /// In milliseconds since 1970.
    var time: Int64
    var origin: MetricOrigin?
}

extension DiagnosisDataType {
    static let prometheusMetric = DiagnosisDataType(rawValue: "PROMETHEUS_METRIC")
}

extension WallClock {
    static var milliseconds: Int64 { Int64(nanoseconds() / 1_000_000) }
}
