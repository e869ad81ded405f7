import Diagnosis

@testable import MasterClients

/// Batches for tests.
enum Batches {
    static let publisher = PublisherID(high: 1, low: 2)

    static func batch(
        _ bodies: [String], type: DiagnosisDataType = .trainingLog, epoch: UInt64 = 7, from first: UInt64 = 1
    ) -> EnvelopeBatch {
        var batch = EnvelopeBatch(
            lane: Lane(publisher: publisher, dataType: type), epoch: epoch, nodeType: "worker", nodeRank: 0)
        for (offset, body) in bodies.enumerated() {
            batch.append(
                sequence: first + UInt64(offset), collectionTime: 0, publishTime: 0, body: Array(body.utf8).span)
        }
        return batch
    }

    static func log(_ content: String, at time: Int64 = 100, rank: Int = 0, final: Bool = false) -> String {
        json(.trainingLog, content, at: time, rank: rank, final: final)
    }

    static func json(
        _ type: DiagnosisDataType, _ content: String, at time: Int64 = 100, rank: Int = 0, final: Bool = false
    ) -> String {
        let metric = WorkerTrainingMetric(
            dataType: type, dataContent: content, node: NodeIdentity(id: rank, type: "worker", rank: rank),
            timestamp: time, isFinalResult: final)
        return String(decoding: MetricJSON.encode(metric), as: UTF8.self)
    }
}
