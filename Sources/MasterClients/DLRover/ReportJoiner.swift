import Diagnosis

/// Decides which metrics at the front of a batch go as one report.
struct ReportJoiner: Sendable {
    let isEnabled: Bool
    /// The most seconds between the first and the last metric of one report.
    let span: Int64

    init(_ options: MasterClientOptions) {
        isEnabled = options.join
        span = options.joinSpan.components.seconds
    }

    /// Takes the metrics from the front on that go as one report.
    ///
    /// Training logs that follow each other and differ in time and content only are joined; anything else goes alone.
    /// - Parameter first: what stands at the front.
    func take(from queue: inout MetricQueue, first: DLRoverMetric, limits: ReportLimits) -> ArraySlice<DLRoverMetric> {
        guard isEnabled, first.head.dataType == .trainingLog, first.isUnchanged else { return queue.take(1) }
        let limit = limits.room(beside: first.head)
        let newline = 2  // escaped
        var content = -newline
        let count = queue.count { next in
            content += newline + next.content.count
            return content <= limit && continues(first, next)
        }
        return queue.take(max(count, 1))
    }

    /// Whether `next`, which is of the same type and node rank, may be joined to `first`.
    private func continues(_ first: DLRoverMetric, _ next: DLRoverMetric) -> Bool {
        let (first, other) = (first.head, next.head)
        guard next.isUnchanged, other.givenNodeID == first.givenNodeID, other.isFinalResult == first.isFinalResult,
            other.needReport == first.needReport, other.timestamp >= first.timestamp
        else { return false }
        // Both are after 1970.
        return other.timestamp - first.timestamp <= span
    }
}
