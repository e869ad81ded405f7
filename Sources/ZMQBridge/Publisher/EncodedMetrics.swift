internal import Diagnosis
private import Dispatch
internal import Journal
private import Synchronization

/// Metrics encoded for the bus before its lock is taken: all bodies in one array, topics only where they change.
struct EncodedMetrics: Sendable {
    struct Item: Sendable {
        var dataType: DiagnosisDataType
        var collectionTime: Int64
        /// Index into `topics`.
        var topic: Int
        /// How many bytes stand before the body: the origin's JSON.
        var originLength: Int
        var isShed: Bool
        /// Where the body ends; its origin begins where the body before ends.
        var bodyEnd: Int
    }

    private(set) var items: [Item] = []
    private(set) var topics: [[UInt8]] = []
    private(set) var dataTypes: Set<DiagnosisDataType> = []
    private(set) var bodies: [UInt8] = []
    /// The last topic, or one that was known from before.
    private(set) var known: CheckedTopic?

    /// - Parameter known: a topic that was checked before, and its bytes; most metrics have the same.
    init(_ metrics: [WorkerTrainingMetric], known: CheckedTopic? = nil) throws(ReportError) {
        self.known = known
        items.reserveCapacity(metrics.count)
        for metric in metrics {
            try addTopic(Topic(dataType: metric.dataType, nodeType: metric.node.type, nodeRank: metric.node.rank))
            let origin = metric.origin?.json ?? []
            let originLength = origin.count <= MetricOrigin.largest ? origin.count : 0
            bodies += origin.prefix(originLength)
            MetricJSON.encode(metric, into: &bodies)
            items.append(
                Item(
                    dataType: metric.dataType, collectionTime: metric.timestamp, topic: topics.count - 1,
                    originLength: originLength, isShed: metric.origin?.isShed ?? false, bodyEnd: bodies.count))
        }
    }

    /// Encodes metrics that came as JSON, without making texts of their contents.
    init(_ metrics: [GivenMetric], known: CheckedTopic? = nil) throws(ReportError) {
        self.known = known
        items.reserveCapacity(metrics.count)
        bodies.reserveCapacity(metrics.reduce(0) { $0 + $1.body.json.count + 128 })
        for metric in metrics {
            let (dataType, node) = (metric.body.dataType, metric.node)
            try addTopic(Topic(dataType: dataType, nodeType: node.type, nodeRank: node.rank))
            MetricJSON.encode(metric.body, timestamp: metric.timestamp, node: node, into: &bodies)
            items.append(
                Item(
                    dataType: dataType, collectionTime: metric.timestamp, topic: topics.count - 1, originLength: 0,
                    isShed: false, bodyEnd: bodies.count))
        }
    }

    /// Makes the next item's topic the last of `topics`.
    private mutating func addTopic(_ topic: Topic) throws(ReportError) {
        let isKnown = topic == known?.topic
        guard !isKnown || topics.isEmpty else { return }
        let checked = if isKnown, let known { known } else { try CheckedTopic(topic) }
        topics.append(checked.bytes)
        dataTypes.insert(topic.dataType)
        known = checked
    }
}

/// A topic that the bus takes.
struct CheckedTopic: Sendable {
    let topic: Topic
    let bytes: [UInt8]

    init(_ topic: Topic) throws(ReportError) {
        guard topic.dataType.isValid else {
            throw ReportError(
                code: .refused, message: "the data type '\(topic.dataType)' must be \(TopicWord.rule)")
        }
        guard TopicWord.isValid(topic.nodeType) else {
            throw ReportError(code: .refused, message: "the node type '\(topic.nodeType)' must be \(TopicWord.rule)")
        }
        self.topic = topic
        bytes = topic.bytes
    }
}

/// Metrics that are published together: all of them, or none.
struct PublishRequest: Sendable {
    var metrics: EncodedMetrics
    /// The position in their source that follows them.
    var position: SourcePosition?
    /// Whether the metrics are refused while the journal can't be written, because their source keeps them and will give them again. True
    /// if there is a position.
    var needsJournal: Bool

    init(metrics: EncodedMetrics, position: SourcePosition?, needsJournal: Bool = false) {
        self.metrics = metrics
        self.position = position
        self.needsJournal = needsJournal || position != nil
    }
}

/// The result of publishing a group of requests.
struct PublishOutcome: Sendable {
    /// One for each request: why it was not published; `nil` if it was.
    var failures: [ReportError?]
    /// What the journal has lost.
    var losses: [JournalLoss] = []
    /// What was published without being journaled.
    var volatile: [(lane: String, range: SequenceRange)] = []
    /// Why the journal could not be written.
    var journalError: JournalError?
}

/// Gathers requests while the disk is busy with earlier ones, so that one sync serves all of them. Waits for the disk on a queue of its
/// own.
final class GroupCommit: Sendable {
    private typealias Completion = @Sendable (ReportError?) -> Void

    private let queue = DispatchQueue(label: "arobust.commit")
    private let waiting = Mutex<[(request: PublishRequest, done: Completion)]>([])
    private let commit: @Sendable ([PublishRequest]) -> [ReportError?]

    /// - Parameter commit: publishes a group and answers why each request was not; may block.
    init(commit: @escaping @Sendable ([PublishRequest]) -> [ReportError?]) {
        self.commit = commit
    }

    func publish(_ request: PublishRequest) async throws(ReportError) {
        let failure = await withCheckedContinuation { (continuation: CheckedContinuation<ReportError?, Never>) in
            waiting.withLock { $0.append((request, { continuation.resume(returning: $0) })) }
            queue.async { self.commitWaiting() }
        }
        if let failure { throw failure }
    }

    /// Does something that may wait for the disk.
    func wait(for work: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            queue.async {
                work()
                continuation.resume()
            }
        }
    }

    private func commitWaiting() {
        let group = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        guard !group.isEmpty else { return }
        for (request, failure) in zip(group, commit(group.map(\.request))) { request.done(failure) }
    }
}
