import ConsoleStore
import Diagnosis
import SystemSupport

/// Envelopes as a bus would number them.
enum Batches {
    static let publisher = PublisherID(high: 1, low: 2)

    static func batch(
        _ type: DiagnosisDataType = .trainingLog, epoch: UInt64 = 1, from first: UInt64 = 1, _ contents: [String],
        nodeRank: Int = 0, publisher: PublisherID = publisher, origin: MetricOrigin? = nil,
        time: Int64 = WallClock.seconds()
    ) -> EnvelopeBatch {
        var batch = EnvelopeBatch(
            lane: Lane(publisher: publisher, dataType: type), epoch: epoch, nodeType: "worker", nodeRank: nodeRank)
        for (index, content) in contents.enumerated() {
            let metric = WorkerTrainingMetric(
                dataType: type, dataContent: content, node: NodeIdentity(rank: nodeRank), timestamp: time)
            let (body, path) = (MetricJSON.encode(metric), origin?.json ?? [])
            batch.append(
                sequence: first + UInt64(index), collectionTime: time, publishTime: UInt64(time) * 1_000_000_000,
                body: body.span, origin: path.span)
        }
        return batch
    }

    static func origin(_ path: String, localRank: Int? = nil, attempt: Int? = nil) -> MetricOrigin {
        var origin = MetricOrigin(path: path, device: 1, inode: 2, firstOffset: 0, endOffset: 1, lines: 1)
        origin.localRank = localRank
        origin.attempt = attempt
        origin.run = attempt == nil ? nil : "run-1"
        return origin
    }
}
