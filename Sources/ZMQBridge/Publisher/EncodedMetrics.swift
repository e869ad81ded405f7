internal import Diagnosis

/// Metrics made ready for the bus before its lock is taken: bodies in one piece of memory, topics only where they change.
struct EncodedMetrics: Sendable {
    struct Item: Sendable {
        var dataType: DiagnosisDataType
        var collectionTime: Int64
        /// Index into `topics`.
        var topic: Int
        /// Where the body ends; it begins where the one before ends.
        var bodyEnd: Int
    }

    private(set) var items: [Item] = []
    private(set) var topics: [[UInt8]] = []
    private(set) var dataTypes: Set<DiagnosisDataType> = []
    private(set) var bodies: [UInt8] = []

    init(_ metrics: [WorkerTrainingMetric]) throws(ReportError) {
        items.reserveCapacity(metrics.count)
        var last: Topic?
        for metric in metrics {
            let topic = Topic(dataType: metric.dataType, nodeType: metric.node.type, nodeRank: metric.node.rank)
            if topic != last {
                try Self.check(topic)
                topics.append(topic.bytes)
                dataTypes.insert(topic.dataType)
                last = topic
            }
            MetricJSON.encode(metric, into: &bodies)
            items.append(
                Item(
                    dataType: metric.dataType, collectionTime: metric.timestamp, topic: topics.count - 1,
                    bodyEnd: bodies.count))
        }
    }

    private static func check(_ topic: Topic) throws(ReportError) {
        guard topic.dataType.isValid else {
            throw ReportError(
                code: .refused, message: "the data type '\(topic.dataType)' must be \(TopicWord.rule)")
        }
        guard TopicWord.isValid(topic.nodeType) else {
            throw ReportError(code: .refused, message: "the node type '\(topic.nodeType)' must be \(TopicWord.rule)")
        }
    }
}
