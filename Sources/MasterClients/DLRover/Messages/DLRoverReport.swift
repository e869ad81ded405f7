import Diagnosis
import NIOCore

/// The diagnosis data that a DLRover master is sent: one metric, or a part of one, or several joined into one.
///
/// It is made only of checked metrics and always encoded again, so that it has exactly the keys that a master takes.
struct DLRoverReport: DLRoverMessage {
    /// The metric's JSON, DLRover's `data_content`.
    let json: [UInt8]
    let node: NodeIdentity
    /// How many envelopes it carries.
    let count: Int

    /// A report of metrics whose contents are joined line by line; everything else is the first one's.
    ///
    /// - Precondition: there is at least one.
    init(joining metrics: ArraySlice<DLRoverMetric>) {
        guard let first = metrics.first else { preconditionFailure("a report needs a metric") }
        self.init(first.head, contents: metrics.map { $0.content }, count: metrics.count)
    }

    /// A report of a metric with one of its contents.
    init(_ metric: DLRoverMetric, content: ArraySlice<UInt8>) {
        self.init(metric.head, contents: [content], count: 1)
    }

    private init(_ head: MetricBody, contents: [ArraySlice<UInt8>], count: Int) {
        var json: [UInt8] = []
        MetricJSON.encode(head: head, contents: contents, into: &json)
        self.json = json
        self.count = count
        node = head.node
    }

    func pickleSize(_ module: DLRoverModule) -> Int {
        PickleWriter.reportSize(module, jsonBytes: json.count, nodeRank: node.rank)
    }

    func appendPickle(_ module: DLRoverModule, to buffer: inout ByteBuffer) {
        PickleWriter.appendReport(module, json: json[...], nodeRank: node.rank, to: &buffer)
    }
}

/// Decides which metrics at the front of a batch go as one report.
struct ReportJoiner: Sendable {
    let isEnabled: Bool
    /// The most seconds between the first and the last metric of one report.
    let span: Int64

    init(_ options: MasterClientOptions) {
        isEnabled = options.join
        span = options.joinSpan.components.seconds
    }

    /// Removes the metrics from the front that go as one report.
    ///
    /// Consecutive training logs that differ only in time and content are joined; anything else goes alone.
    /// - Parameter first: what is at the front.
    func dequeueReport(from queue: inout MetricQueue, first: DLRoverMetric, limits: ReportLimits) -> ArraySlice<
        DLRoverMetric
    > {
        guard isEnabled, first.head.dataType == .trainingLog, first.isUnchanged else { return queue.dequeue(1) }
        let limit = limits.room(beside: first.head)
        let newline = 2  // escaped
        var content = -newline
        let count = queue.count { next in
            content += newline + next.content.count
            return content <= limit && continues(first, next)
        }
        return queue.dequeue(max(count, 1))
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

/// What one report to a DLRover master may be.
struct ReportLimits: Sendable {
    var window: CollectionTimeWindow
    /// The most escaped content.
    var contentBytes: Int
    /// The largest `elastic.Message`.
    var messageBytes: Int
    /// Whether an XPUTimer page is sent without the lines that the master's detector does not read.
    var slim: Bool

    init(_ options: MasterClientOptions) {
        window = CollectionTimeWindow(
            oldest: options.oldest, oldestByType: options.oldestByType, ahead: options.ahead)
        contentBytes = options.contentBytes
        messageBytes = options.maxMessageBytes
        slim = options.slim
    }

    /// An upper bound for the part of a message that is neither content nor one of the metric's names: the pickle, the protobuf fields, the
    /// JSON's keys and numbers.
    private static let overhead = 768

    /// The most escaped content that fits in one report with `head`: a few hundred bytes less than there would be; may be negative.
    func room(beside head: MetricBody) -> Int {
        let names = head.dataType.rawValue.utf8.count + head.node.type.utf8.count
        return min(contentBytes, messageBytes - Self.overhead - 7 * names)
    }
}
