internal import Diagnosis

/// A batch in memory that waits or is under way.
struct SendPiece {
    /// What an envelope and a batch take beside the bodies, about: a stream of tiny envelopes must not outgrow the bound.
    private static let bytesPerEntry = 48
    private static let bytesPerBatch = 256

    private(set) var batch: EnvelopeBatch
    let arrival: ContinuousClock.Instant
    /// How much of the queue's room it takes. The costs of what it is cut into or joined of add up to its own.
    private(set) var cost: Int
    /// Whether others may be appended: not to the front part of a batch, whose memory goes on with the rest.
    private var mayGrow = true

    init(_ batch: EnvelopeBatch, arrival: ContinuousClock.Instant) {
        self.batch = batch
        self.arrival = arrival
        cost = Self.cost(of: batch)
    }

    private static func cost(of batch: EnvelopeBatch) -> Int {
        batch.byteCount + batch.count * bytesPerEntry + bytesPerBatch
    }

    /// Whether `next` may be appended and go in the same call.
    func canTake(_ next: SendPiece) -> Bool {
        mayGrow && batch.epoch == next.batch.epoch && batch.nodeRank == next.batch.nodeRank
            && batch.nodeType == next.batch.nodeType
    }

    mutating func append(_ next: SendPiece) {
        batch.append(next.batch)
        cost += next.cost
    }

    /// Cuts off the first `count` envelopes; the rest keeps the time of arrival. All of them: the rest is empty and costs nothing.
    mutating func takeFirst(_ count: Int) -> SendPiece {
        var head = self
        guard count < batch.count else {
            batch = batch.dropFirst(batch.count)
            cost = 0
            return head
        }
        let rest = batch.dropFirst(count)
        head.batch = batch.prefix(count)
        head.mayGrow = false
        // The memory stays until the last part has gone; the room is given back in parts all the same.
        head.cost = min(cost, max(0, cost - Self.cost(of: rest)))
        batch = rest
        cost -= head.cost
        return head
    }
}
