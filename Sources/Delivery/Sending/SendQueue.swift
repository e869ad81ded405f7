internal import DequeModule
internal import Diagnosis

/// The waiting envelopes of one lane and node, or of a whole lane where the master needs that: one call at a time.
struct SendQueue {
    /// What must stay in order.
    struct Key: Hashable {
        let lane: Lane
        /// `nil` where the whole lane must.
        let node: Node?

        struct Node: Hashable {
            let type: String
            let rank: Int
        }
    }

    private(set) var pieces: Deque<SendPiece> = []
    private(set) var count = 0
    private(set) var bytes = 0
    var isUnderWay = false
    /// How many envelopes at the front go alone: those of a joined report that was refused, to find the one that is bad.
    var alone = 0
    /// The version of the lane's ledger that must be stored before the next call.
    var heldVersion: UInt64 = 0
    /// The slot of the sample at the front, while another envelope has it and may still give it back.
    var awaitedSlot: SampleSlot?
    /// The number of the call that served it last.
    var turn: Int

    init(turn: Int) {
        self.turn = turn
    }

    var isEmpty: Bool { pieces.isEmpty }

    mutating func append(_ piece: SendPiece) {
        count += piece.batch.count
        bytes += piece.batch.byteCount
        pieces.append(piece)
    }

    mutating func prepend(_ piece: SendPiece) {
        count += piece.batch.count
        bytes += piece.batch.byteCount
        pieces.prepend(piece)
    }

    mutating func popFirst() -> SendPiece? {
        guard let first = pieces.popFirst() else { return nil }
        count -= first.batch.count
        bytes -= first.batch.byteCount
        return first
    }

    /// When it may be sent from; `nil` if it is empty.
    func readyTime(policy: DeliveryPolicy, phase: FlushPhase?) -> ContinuousClock.Instant? {
        guard let first = pieces.first else { return nil }
        let isFull = count >= policy.batchCount || bytes >= policy.batchBytes || alone > 0
        guard !isFull else { return first.arrival }
        return phase?.readyTime(arrival: first.arrival) ?? first.arrival + policy.batchTime
    }

    /// Removes as much from the front as may go in one call.
    mutating func dequeue(limit: Int, bytes: Int) -> SendPiece? {
        guard var piece = popFirst() else { return nil }
        var others: [SendPiece] = []
        var (joined, joinedBytes) = (piece.batch.count, piece.batch.byteCount)
        while joined < limit, joinedBytes < bytes, let next = pieces.first, piece.canAppend(next) {
            _ = popFirst()
            others.append(next)
            joined += next.batch.count
            joinedBytes += next.batch.byteCount
        }
        piece.append(others)
        guard piece.batch.count > limit else { return piece }
        let head = piece.takeFirst(limit)
        prepend(piece)
        return head
    }
}

/// A batch in memory that waits, or is under way as one call of the master's client.
struct SendPiece {
    /// What an envelope and a batch take besides the bodies, roughly: many tiny envelopes must not outgrow the bound.
    private static let bytesPerEntry = 48
    private static let bytesPerBatch = 256

    /// The queue it belongs to.
    let key: SendQueue.Key
    private(set) var batch: EnvelopeBatch
    let arrival: ContinuousClock.Instant
    /// How many bytes of room it takes. The costs of its parts add up to its own when it is cut or joined.
    private(set) var cost: Int
    /// Whether others may be appended: not to the front part of a batch, whose memory is shared with the rest.
    private var mayGrow = true
    /// The master's failures in a row when its call began.
    var failuresAtStart = 0

    init(_ batch: EnvelopeBatch, key: SendQueue.Key, arrival: ContinuousClock.Instant) {
        self.key = key
        self.batch = batch
        self.arrival = arrival
        cost = Self.cost(of: batch)
    }

    private static func cost(of batch: EnvelopeBatch) -> Int {
        batch.byteCount + batch.count * bytesPerEntry + bytesPerBatch
    }

    /// Whether `next` may be appended and go in the same call.
    func canAppend(_ next: SendPiece) -> Bool {
        mayGrow && batch.epoch == next.batch.epoch && batch.nodeRank == next.batch.nodeRank
            && batch.nodeType == next.batch.nodeType
    }

    mutating func append(_ others: [SendPiece]) {
        guard !others.isEmpty else { return }
        batch.append(contentsOf: others.map(\.batch))
        cost += others.reduce(0) { $0 + $1.cost }
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
        // The memory stays until the last part is gone, but the room is freed part by part.
        head.cost = min(cost, max(0, cost - Self.cost(of: rest)))
        batch = rest
        cost -= head.cost
        return head
    }
}
