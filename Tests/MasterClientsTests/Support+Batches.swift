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
            let body = Array(body.utf8)
            let time = (try? MetricBody(checking: body[...]))?.timestamp ?? 0
            batch.append(sequence: first + UInt64(offset), collectionTime: time, publishTime: 0, body: body.span)
        }
        return batch
    }

    /// A report of one metric whose time is now.
    static func report(_ metric: WorkerTrainingMetric) throws -> DLRoverReport {
        var batch = EnvelopeBatch(
            lane: Lane(publisher: publisher, dataType: metric.dataType), epoch: 1, nodeType: metric.node.type,
            nodeRank: metric.node.rank)
        batch.append(
            sequence: 1, collectionTime: metric.timestamp, publishTime: 0, body: MetricJSON.encode(metric).span)
        let limits = ReportLimits(MasterClientOptions())
        let checked = try DLRoverMetric(
            checking: batch.entries[0], of: batch, limits: limits, now: metric.timestamp)
        return DLRoverReport(joining: [checked])
    }

    static func log(_ content: String, at time: Int64 = 100, id: Int = 0, final: Bool = false) -> String {
        json(.trainingLog, content, at: time, id: id, final: final)
    }

    static func json(
        _ type: DiagnosisDataType, _ content: String, at time: Int64 = 100, id: Int = 0, final: Bool = false
    ) -> String {
        let metric = WorkerTrainingMetric(
            dataType: type, dataContent: content, node: NodeIdentity(id: id, type: "worker", rank: 0),
            timestamp: time, isFinalResult: final)
        return String(decoding: MetricJSON.encode(metric), as: UTF8.self)
    }
}
