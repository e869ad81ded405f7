import Diagnosis

/// One metric that a DLRover master survives: nothing else becomes a report.
///
/// What a master does not survive is told in WIRE.md, sections 0, 4, 5 and 9. Publishers other than ours may be on the bus, so each
/// envelope is checked here whatever its publisher promises.
struct DLRoverMetric: Sendable {
    /// Everything but the content.
    let head: MetricBody
    /// The inside of a JSON string; the envelope's own bytes if nothing was changed.
    let content: ArraySlice<UInt8>
    /// What did not fit in one report with `content`: each goes in a report of its own, in this order.
    let furtherContents: [ArraySlice<UInt8>]
    let changes: [ContentChange]

    /// Scans the envelope's body, and makes its content fit.
    init(
        checking entry: EnvelopeBatch.Entry, of batch: EnvelopeBatch, limits: ReportLimits, now: Int64
    ) throws(DLRoverObjection) {
        do throws(MetricJSONError) {
            head = try MetricBody(checking: batch.body(of: entry))
        } catch {
            throw .refused("the envelope's body is no metric: \(error)")
        }
        try Self.compare(head, entry, batch)
        try limits.window.check(entry.collectionTime, now: now)
        let escaped = SurrogateRepair.repair(head.escapedContent)
        let room = limits.room(beside: head)
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

    /// Whether it goes whole and as it came.
    var isUnchanged: Bool { furtherContents.isEmpty && changes.isEmpty }

    /// Checks that the body says what the envelope's header and topic say: everybody between here and the publisher has gone by those.
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
