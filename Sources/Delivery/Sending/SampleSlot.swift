package import Diagnosis

/// A span of a node's time of which a master takes one sample of a data type.
///
/// It begins at a multiple of its length: DLRover's hang detector compares how many samples the nodes have, not their times, so all nodes
/// must be on one grid.
package struct SampleSlot: Hashable, Sendable {
    package var dataType: DiagnosisDataType
    package var nodeType: String
    package var nodeRank: Int
    /// Seconds since 1970.
    package var start: Int64

    package init(dataType: DiagnosisDataType, nodeType: String, nodeRank: Int, start: Int64) {
        self.dataType = dataType
        self.nodeType = nodeType
        self.nodeRank = nodeRank
        self.start = start
    }

    /// The slot of an envelope of the batch.
    init(of entry: EnvelopeBatch.Entry, in batch: EnvelopeBatch, length: Duration) {
        let seconds = max(1, length.components.seconds)
        let rest = entry.collectionTime % seconds
        // The time may be any number: a slot can't begin before the least.
        let (start, isBeyond) = entry.collectionTime.subtractingReportingOverflow(rest < 0 ? rest + seconds : rest)
        self.init(
            dataType: batch.lane.dataType, nodeType: batch.nodeType, nodeRank: batch.nodeRank,
            start: isBeyond ? .min : start)
    }
}

/// Says which envelope a slot belongs to. Stored before the envelope is sent, so that no other is sent in its slot whatever happens.
package struct SlotMark: Hashable, Sendable {
    package var slot: SampleSlot
    package var lane: Lane
    package var position: LanePosition

    package init(slot: SampleSlot, lane: Lane, position: LanePosition) {
        self.slot = slot
        self.lane = lane
        self.position = position
    }
}

/// A change of the marks that the store must have.
package enum SlotChange: Hashable, Sendable {
    case mark(SlotMark)
    /// It is certain that the master did not get the envelope.
    case withdraw(SlotMark)
}

/// Which envelope has each slot of a master.
struct SlotOwners {
    /// Whether an envelope may have its slot.
    enum Availability: Hashable {
        /// Nobody has the slot.
        case free
        /// It is this envelope's, and no call of it was made.
        case own
        /// It is this envelope's, and the master may have got it: in a call of this run or, as a stored mark says, of an earlier one.
        case ownSent
        /// It is another envelope's, and it isn't known yet whether the master gets that one.
        case awaited
        /// It is another envelope's, for good.
        case taken
    }

    /// How many seconds a mark is kept after its slot: anything older is too old to be sent.
    private static let memory: Int64 = 7200

    private struct Owner {
        var mark: SlotMark
        var mayHaveArrived: Bool
        /// Whether the envelope has its fate, so that nobody else gets the slot.
        var isDecided: Bool
    }

    private var owners: [SampleSlot: Owner]

    /// - Parameter stored: of an earlier run.
    init(stored: [SlotMark] = []) {
        owners = Dictionary(
            stored.map { ($0.slot, Owner(mark: $0, mayHaveArrived: true, isDecided: true)) },
            uniquingKeysWith: { first, _ in first })
    }

    func availability(for mark: SlotMark) -> Availability {
        guard let owner = owners[mark.slot] else { return .free }
        guard owner.mark == mark else { return owner.isDecided ? .taken : .awaited }
        return owner.mayHaveArrived ? .ownSent : .own
    }

    mutating func add(_ mark: SlotMark) {
        owners[mark.slot] = Owner(mark: mark, mayHaveArrived: false, isDecided: false)
        // Seldom: a node adds one a minute.
        guard owners.count % 1024 == 0 else { return }
        owners = owners.filter { $0.key.start > Self.oldest(before: mark) }
    }

    /// Notes that the envelope is sent now.
    mutating func markSent(_ mark: SlotMark) {
        owners[mark.slot]?.mayHaveArrived = true
    }

    /// Notes that the envelope keeps its slot, if it has it.
    mutating func decide(_ mark: SlotMark) {
        guard owners[mark.slot]?.mark == mark else { return }
        owners[mark.slot]?.isDecided = true
    }

    /// Whether the slot has an owner that may still give it back.
    func isAwaited(_ slot: SampleSlot) -> Bool {
        owners[slot].map { !$0.isDecided } ?? false
    }

    mutating func remove(_ mark: SlotMark) {
        owners[mark.slot] = nil
    }

    /// Slots that begin before this are forgotten once `mark` was made. Seconds since 1970.
    static func oldest(before mark: SlotMark) -> Int64 {
        max(mark.slot.start, .min + memory) - memory
    }
}

/// Types of which a master gets one sample for each node and slot, and none twice.
///
/// A slot is marked, the mark is stored, and only then the sample is sent: after a kill, the mark says that the master may have it. Here
/// a duplicate is worse than a gap, since DLRover's hang detector counts samples.
extension DeliveryState {
    /// Whether the sample at the front may be sent now. If not, it is put back until its mark is stored, or settled.
    mutating func maySend(
        _ piece: SendPiece, of queue: inout SendQueue, slotLength: Duration, now: DeliveryTime
    ) -> Bool {
        guard let mark = mark(of: piece, slotLength: slotLength) else { return false }
        let lane = mark.lane
        queue.awaitedSlot = nil
        switch slotOwners.availability(for: mark) {
        case .own:
            slotOwners.markSent(mark)
            return true
        case .free:
            slotOwners.add(mark)
            _ = change(lane) { $0.recordSlotChange(.mark(mark)) }
            queue.prepend(piece)
            queue.heldVersion = ledgers[lane]?.version ?? 0
        case .ownSent:
            settle(piece, as: .ambiguous, now: now)
        case .awaited:
            queue.prepend(piece)
            queue.awaitedSlot = mark.slot
        case .taken:
            news.skip(piece.batch.count, of: lane.dataType, rule: Fate.slot.reason)
            settle(piece, as: .slot, now: now)
        }
        return false
    }

    /// Frees the slot of a sample that the master certainly did not get.
    mutating func withdraw(_ piece: SendPiece) {
        guard let mark = mark(of: piece) else { return }
        slotOwners.remove(mark)
        _ = change(mark.lane) { $0.recordSlotChange(.withdraw(mark)) }
    }

    /// Frees the slots of samples that are skipped without a call.
    mutating func withdrawUnsent(_ piece: SendPiece) {
        var rest = piece
        while !rest.batch.isEmpty {
            let one = rest.takeFirst(1)
            if let mark = mark(of: one), slotOwners.availability(for: mark) == .own { withdraw(one) }
        }
    }

    /// Lets a sample whose fate is known keep its slot.
    mutating func keepSlot(of piece: SendPiece) {
        if let mark = mark(of: piece) { slotOwners.decide(mark) }
    }

    /// `nil` for a type without slots.
    private func mark(of piece: SendPiece) -> SlotMark? {
        policy.sampleSlots[piece.batch.lane.dataType].flatMap { mark(of: piece, slotLength: $0) }
    }

    private func mark(of piece: SendPiece, slotLength: Duration) -> SlotMark? {
        let batch = piece.batch
        guard let entry = batch.entries.first else { return nil }
        return SlotMark(
            slot: SampleSlot(of: entry, in: batch, length: slotLength), lane: batch.lane,
            position: LanePosition(epoch: batch.epoch, sequence: entry.sequence))
    }
}
