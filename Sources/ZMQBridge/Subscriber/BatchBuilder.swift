internal import Diagnosis

/// Sorts envelopes into batches of one lane, epoch and node while it keeps each lane's order.
struct BatchBuilder {
    private(set) var batches: [EnvelopeBatch] = []
    private(set) var byteCount = 0
    /// Where the last envelope went: the next one mostly goes there too.
    private var current: Int?

    /// Appends an envelope whose header and topic have been read.
    mutating func append(_ header: EnvelopeHeader, topic: Topic, body: UnsafeRawBufferPointer) {
        let index = place(for: topic, header)
        current = index
        batches[index].append(
            sequence: header.sequence, collectionTime: header.collectionTime, publishTime: header.publishTime,
            body: body.bindMemory(to: UInt8.self).span)
        byteCount += body.count
    }

    mutating func takeBatches() -> [EnvelopeBatch] {
        defer { self = BatchBuilder() }
        return batches
    }

    private mutating func place(for topic: Topic, _ header: EnvelopeHeader) -> Int {
        if let current, fits(batches[current], topic, header) { return current }
        // Only the lane's newest batch may grow, or the lane's order would be lost.
        let newest = batches.lastIndex {
            $0.lane.dataType == topic.dataType && $0.lane.publisher == header.publisher
        }
        if let newest, fits(batches[newest], topic, header) { return newest }
        let lane = Lane(publisher: header.publisher, dataType: topic.dataType)
        batches.append(
            EnvelopeBatch(lane: lane, epoch: header.epoch, nodeType: topic.nodeType, nodeRank: topic.nodeRank))
        return batches.count - 1
    }

    private func fits(_ batch: EnvelopeBatch, _ topic: Topic, _ header: EnvelopeHeader) -> Bool {
        batch.epoch == header.epoch && batch.nodeRank == topic.nodeRank && batch.lane.dataType == topic.dataType
            && batch.lane.publisher == header.publisher && batch.nodeType == topic.nodeType
    }
}
