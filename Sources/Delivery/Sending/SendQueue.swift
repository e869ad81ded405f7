internal import DequeModule
internal import Diagnosis

/// What waits of one lane and node, or of a whole lane where the master needs that: one call at a time.
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
    /// The slot of the sample at the front, while another envelope has it that may not need it.
    var awaitedSlot: SampleSlot?
    /// When it was served last, counted in calls.
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
    func readyTime(policy: DeliveryPolicy) -> ContinuousClock.Instant? {
        guard let first = pieces.first else { return nil }
        let isFull = count >= policy.batchCount || bytes >= policy.batchBytes || alone > 0
        return isFull ? first.arrival : first.arrival + policy.batchTime
    }

    /// Takes as much from the front as may go in one call.
    mutating func take(limit: Int, bytes: Int) -> SendPiece? {
        guard var piece = popFirst() else { return nil }
        while piece.batch.count < limit, piece.batch.byteCount < bytes, let next = pieces.first, piece.canTake(next) {
            _ = popFirst()
            piece.append(next)
        }
        guard piece.batch.count > limit else { return piece }
        let head = piece.takeFirst(limit)
        prepend(piece)
        return head
    }
}
