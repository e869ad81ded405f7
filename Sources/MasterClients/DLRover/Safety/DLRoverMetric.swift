import Diagnosis
internal import LogText

/// One metric that is safe for a DLRover master: nothing else becomes a report.
///
/// Four things are not safe (`dlrover/python/master/servicer.py` and `diagnosis/`, 0.4 to 0.7). A timestamp that is not whole seconds is stored
/// before it is checked, and then makes every later report of its type fail until the master restarts. An XPUTimer page without hang lines,
/// or with values that the detector misreads, counts as a hang. JSON with other keys is refused. A message above the master's limit is
/// dropped. Other publishers than ours may be on the bus, so each envelope is checked here, whatever its publisher promises.
struct DLRoverMetric: Sendable {
    /// Everything but the content.
    let head: MetricBody
    /// The inside of a JSON string; the envelope's bytes themselves if nothing was changed.
    let content: ArraySlice<UInt8>
    /// What did not fit in one report with `content`: each goes in a further report, in this order.
    let furtherContents: [ArraySlice<UInt8>]
    let changes: [ContentChange]
    /// The event that is sent instead of a report; `nil` for every other type.
    let event: TrainingEvent?

    /// Checks the envelope's body, and makes its content fit.
    init(
        checking entry: EnvelopeBatch.Entry, of batch: EnvelopeBatch, limits: ReportLimits, now: Int64
    ) throws(DLRoverObjection) {
        do throws(MetricJSONError) {
            head = try MetricBody(checking: batch.body(of: entry))
        } catch {
            throw .refused("the envelope's body is not a metric: \(error)")
        }
        try Self.compare(head, entry, batch)
        guard head.dataType != .incident else { throw .incident }
        try limits.window.check(entry.collectionTime, of: head.dataType, now: now)
        let escaped = head.hasPlainEscapes ? head.escapedContent : SurrogateRepair.repair(head.escapedContent)
        let room = limits.room(beside: head)
        event = try head.dataType == .trainingEvent ? Self.event(head.content) : nil
        switch head.dataType {
        case .xpuTimerMetric:
            let sample = try XPUSample(page: head.content, escaped: escaped, slim: limits.slim, limit: room)
            (content, furtherContents, changes) = (sample.content, [], sample.changes)
        case .trainingLog where escaped.count > room, .stackTrace where escaped.count > room:
            guard room >= LineSplitter.leastLimit else {
                throw .refused("messages of \(limits.messageBytes) bytes have no room for its content")
            }
            let splitter = LineSplitter(escaped, limit: room)
            content = splitter.parts[0]
            furtherContents = Array(splitter.parts.dropFirst())
            changes = (furtherContents.isEmpty ? [] : [.split]) + (splitter.hasCutLine ? [.lineCut] : [])
        default:
            (content, furtherContents, changes) = (escaped, [], [])
        }
    }

    /// A master keeps events apart from reports, and would keep one that came as a report for nobody.
    private static func event(_ content: String) throws(DLRoverObjection) -> TrainingEvent {
        guard let event = TrainingEvent(content: content) else {
            throw .refused("its content is no event of a training that a DLRover master takes")
        }
        return event
    }

    /// Whether it goes whole and as it came.
    var isUnchanged: Bool { furtherContents.isEmpty && changes.isEmpty }

    /// Checks that the body agrees with the envelope's header and topic, which everything between here and the publisher has relied on.
    private static func compare(
        _ body: MetricBody, _ entry: EnvelopeBatch.Entry, _ batch: EnvelopeBatch
    ) throws(DLRoverObjection) {
        func disagree(_ key: String, _ inBody: String, _ outside: String) -> DLRoverObjection {
            .refused(
                "the envelope's body and its header disagree: \(key) is \(inBody) in the one, \(outside) in the other")
        }
        guard body.givenTimestamp == entry.collectionTime else {
            let given = body.givenTimestamp.map(String.init) ?? "missing"
            throw disagree("timestamp", given, "\(entry.collectionTime)")
        }
        guard body.dataType == batch.lane.dataType else {
            throw disagree("data_type", "'\(body.dataType)'", "'\(batch.lane.dataType)'")
        }
        let node = body.node
        guard node.type == batch.nodeType else {
            throw disagree("node_type", "'\(node.type)'", "'\(batch.nodeType)'")
        }
        guard node.rank == batch.nodeRank else { throw disagree("node_rank", "\(node.rank)", "\(batch.nodeRank)") }
    }
}

/// Why an envelope cannot become a report that is safe for a DLRover master.
struct DLRoverObjection: Error, Hashable {
    /// What becomes of the envelope.
    enum Consequence: Hashable {
        /// It is broken, or fits in no message: a dead letter.
        case refused
        /// It is sound, but this kind of master must not get it: skipped under this rule of the ledger.
        case skipped(rule: String)
    }

    let consequence: Consequence
    /// A sentence for an operator.
    let reason: String

    static func refused(_ reason: String) -> DLRoverObjection {
        DLRoverObjection(consequence: .refused, reason: reason)
    }

    /// Older than what the master keeps.
    static func stale(_ reason: String) -> DLRoverObjection {
        DLRoverObjection(consequence: .skipped(rule: "stale"), reason: reason)
    }

    /// From the future, which is also what milliseconds instead of seconds look like.
    static func future(_ reason: String) -> DLRoverObjection {
        DLRoverObjection(consequence: .skipped(rule: "future"), reason: reason)
    }

    /// A hang value that the master's detector would misread.
    static func hangValue(_ reason: String) -> DLRoverObjection {
        DLRoverObjection(consequence: .skipped(rule: "hang-value"), reason: reason)
    }

    /// Nothing in a DLRover master reads the pieces of a bundle; what they come to, it gets as a `STACK_TRACE`.
    static let incident = DLRoverObjection(
        consequence: .skipped(rule: "incident"),
        reason: "it is a piece of an incident's bundle; a DLRover master gets the summary as STACK_TRACE")

    /// The master counts a page without a hang line as a hang.
    static let noHangLine = DLRoverObjection(
        consequence: .skipped(rule: "no-hang-line"),
        reason: "the page has no \(HangLine.name) line, which a DLRover master takes for a hang of the whole node")
}

/// How a content was changed before a DLRover master got it, as the counts of `ReportOutcome.changed` name it.
enum ContentChange: String, Hashable, Sendable {
    /// A hang line's value or timestamp was rewritten, or a line that the detector would take for one was left out.
    case hangNormalised = "hang-normalised"
    /// Lines that the master's detector does not read were left out, as `slim` asks.
    case slimmed
    /// Lines were left out for the size.
    case trimmed
    /// It went in several reports.
    case split
    /// A line was too long for a report and lost its end.
    case lineCut = "line-cut"
}

extension CollectionTimeWindow {
    /// Python's `datetime` ends with the year 9999; a day is left for time zones and for what the master adds.
    private static let lastOfPython: Int64 = 253_402_300_799 - 86_400

    /// Checks a timestamp for a DLRover master: whole seconds, neither so old that it drops them nor from the future, where they would
    /// stay forever. One beyond what Python's `datetime` holds makes it refuse all later reports of the type.
    fileprivate func check(_ timestamp: Int64, of type: DiagnosisDataType, now: Int64) throws(DLRoverObjection) {
        guard timestamp > 0 else { throw .stale("its timestamp is \(timestamp), before 1970") }
        let limit: Int64
        switch bounds(for: type, now: now).violation(of: timestamp) {
        case .tooOld(let seconds):
            throw .stale("it was collected \(now - timestamp) s ago, more than \(seconds) s")
        case .tooFarAhead(let seconds): limit = seconds
        case nil where timestamp > Self.lastOfPython: limit = ahead?.components.seconds ?? 0
        case nil: return
        }
        throw .future("its timestamp \(timestamp) is \(timestamp - now) s ahead of the clock, more than \(limit) s")
    }
}
