internal import Diagnosis

/// Gathers what a receiver gets at once, each lane in its order: envelopes of one lane, run and node that follow each other in a batch.
struct StreamBuilder {
    private enum Slot {
        case start(Lane, LanePosition)
        case gap(StreamGap)
        case batch(Int)
    }

    /// In bytes, for a batch before it has anything.
    private static let mostReserved = 256 << 10

    private var slots: [Slot] = []
    private var batches: [EnvelopeBatch] = []
    /// The batch of each lane that may still grow.
    private var open: [DiagnosisDataType: Int] = [:]
    /// Where the last envelope went: the next one mostly goes there too.
    private var current: Int?
    /// How much the last items had: about what the next ones will.
    private var lastByteCount = 0
    private(set) var byteCount = 0
    private(set) var envelopeCount = 0

    var isEmpty: Bool { slots.isEmpty }

    /// - Parameter origin: the header's extension.
    mutating func append(
        _ header: EnvelopeHeader, origin: UnsafeRawBufferPointer, topic: Topic, body: UnsafeRawBufferPointer
    ) {
        let index = place(for: topic, header)
        current = index
        batches[index].append(
            sequence: header.sequence, collectionTime: header.collectionTime, publishTime: header.publishTime,
            body: body.bindMemory(to: UInt8.self).span, origin: origin.bindMemory(to: UInt8.self).span,
            isShed: header.flags & EnvelopeHeader.Flag.shed != 0)
        byteCount += body.count
        envelopeCount += 1
    }

    mutating func append(_ batch: EnvelopeBatch) {
        guard !batch.isEmpty else { return }
        close(batch.lane.dataType)
        batches.append(batch)
        slots.append(.batch(batches.count - 1))
        byteCount += batch.byteCount
        envelopeCount += batch.count
    }

    mutating func appendStart(of lane: Lane, after position: LanePosition) {
        close(lane.dataType)
        slots.append(.start(lane, position))
    }

    mutating func append(_ gap: StreamGap) {
        close(gap.lane.dataType)
        slots.append(.gap(gap))
    }

    /// What was gathered; the builder is empty then.
    mutating func drainItems() -> [StreamItem] {
        defer {
            let last = byteCount
            self = StreamBuilder()
            lastByteCount = last
        }
        return slots.map { slot in
            switch slot {
            case .start(let lane, let position): .start(lane, after: position)
            case .gap(let gap): .gap(gap)
            case .batch(let index): .batch(batches[index])
            }
        }
    }

    /// Ends the lane's open batch: what comes later may not be put before this.
    private mutating func close(_ dataType: DiagnosisDataType) {
        open[dataType] = nil
        current = nil
    }

    private mutating func place(for topic: Topic, _ header: EnvelopeHeader) -> Int {
        if let current, batches[current].holds(header.epoch, topic) { return current }
        // Only the lane's newest batch may grow, or the lane's order would be lost.
        if let newest = open[topic.dataType], batches[newest].holds(header.epoch, topic) { return newest }
        let lane = Lane(publisher: header.publisher, dataType: topic.dataType)
        batches.append(
            EnvelopeBatch(
                lane: lane, epoch: header.epoch, nodeType: topic.nodeType, nodeRank: topic.nodeRank,
                bytes: batches.isEmpty ? min(lastByteCount, Self.mostReserved) : 0))
        open[topic.dataType] = batches.count - 1
        slots.append(.batch(batches.count - 1))
        return batches.count - 1
    }
}

extension EnvelopeBatch {
    fileprivate func holds(_ epoch: UInt64, _ topic: Topic) -> Bool {
        self.epoch == epoch && nodeRank == topic.nodeRank && lane.dataType == topic.dataType
            && nodeType == topic.nodeType
    }
}
