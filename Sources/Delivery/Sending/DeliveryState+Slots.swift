internal import Diagnosis

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
        switch slots.standing(of: mark) {
        case .own:
            slots.send(mark)
            return true
        case .free:
            slots.add(mark)
            _ = change(lane) { $0.note(.mark(mark)) }
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

    /// Gives the slot of a sample free again that the master certainly did not get.
    mutating func withdraw(_ piece: SendPiece) {
        guard let mark = mark(of: piece) else { return }
        slots.remove(mark)
        _ = change(mark.lane) { $0.note(.withdraw(mark)) }
    }

    /// Gives the slots free again that samples have which are passed without a call.
    mutating func withdrawUnsent(_ piece: SendPiece) {
        var rest = piece
        while !rest.batch.isEmpty {
            let one = rest.takeFirst(1)
            if let mark = mark(of: one), slots.standing(of: mark) == .own { withdraw(one) }
        }
    }

    /// Leaves a sample that has its fate its slot.
    mutating func keepSlot(of piece: SendPiece) {
        if let mark = mark(of: piece) { slots.decide(mark) }
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
