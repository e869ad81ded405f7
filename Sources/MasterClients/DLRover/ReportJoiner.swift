import Diagnosis

/// Decides which metrics at the front of a batch go as one report.
struct ReportJoiner: Sendable {
    let isEnabled: Bool
    /// The most escaped content in one report.
    let bytes: Int
    /// The most seconds between the first and the last metric of one report.
    let span: Int64
    let maxMessageBytes: Int

    init(_ options: MasterClientOptions) {
        isEnabled = options.join
        bytes = options.joinBytes
        span = options.joinSpan.components.seconds
        maxMessageBytes = options.maxMessageBytes
    }

    /// What of the message is neither content nor the first metric's other JSON: the pickle, the protobuf fields, and what
    /// `MetricJSON.encodeJoined` may write for keys that the first metric's JSON lacks. An upper bound.
    private static let overhead = 768

    /// The metrics from `start` on that go as one report: one at least.
    ///
    /// Training logs that follow each other and differ in time and content only are joined; anything else goes alone.
    /// - Parameter bodies: the batch's bodies; not empty from `start` on.
    func next(in bodies: [MetricBody], from start: Int) -> ArraySlice<MetricBody> {
        let first = bodies[start]
        guard isEnabled, first.dataType == .trainingLog else { return bodies[start...start] }
        let firstContent = first.escapedContent.count
        let others = first.json.count - firstContent + Self.overhead + 6 * first.node.type.utf8.count
        let limit = min(bytes, maxMessageBytes - others)
        var content = firstContent
        var end = start + 1
        while end < bodies.count, continues(first, bodies[end]) {
            content += 2 + bodies[end].escapedContent.count  // "\n", escaped
            guard content <= limit else { break }
            end += 1
        }
        return bodies[start..<end]
    }

    private func continues(_ first: MetricBody, _ next: MetricBody) -> Bool {
        guard next.dataType == .trainingLog, next.node == first.node, next.isFinalResult == first.isFinalResult,
            next.needReport == first.needReport, next.timestamp >= first.timestamp
        else { return false }
        let (distance, overflow) = next.timestamp.subtractingReportingOverflow(first.timestamp)
        return !overflow && distance <= span
    }
}
