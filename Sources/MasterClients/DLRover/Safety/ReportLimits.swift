import Diagnosis

/// What one report to a DLRover master may be.
struct ReportLimits: Sendable {
    var window: TimeWindow
    /// The most escaped content.
    var contentBytes: Int
    /// The largest `elastic.Message`.
    var messageBytes: Int
    /// Whether an XPUTimer page goes without the lines that the master's detector does not read.
    var slim: Bool

    init(_ options: MasterClientOptions) {
        window = TimeWindow(oldest: options.oldest?.components.seconds, ahead: options.ahead.components.seconds)
        contentBytes = options.contentBytes
        messageBytes = options.maxMessageBytes
        slim = options.slim
    }

    /// What of a message is neither content nor a name of the metric's: the pickle, the protobuf fields, the JSON's keys and numbers. An
    /// upper bound.
    private static let overhead = 768

    /// The most escaped content that fits in one report with `head`. Not more than is there by a few hundred bytes; may be negative.
    func room(beside head: MetricBody) -> Int {
        let names = head.dataType.rawValue.utf8.count + head.node.type.utf8.count
        return min(contentBytes, messageBytes - Self.overhead - 7 * names)
    }
}
