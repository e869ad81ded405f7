package import Diagnosis

/// The account of one lane: the window, the counts, and what the store has of both.
struct LaneLedger {
    /// Where the account begins.
    let origin: LanePosition
    private(set) var window: LaneWindow
    private(set) var counts: LaneCounts
    /// Counts up with every change that the store must have.
    private(set) var version: UInt64
    /// The last version that the store has; 0: it does not know the lane.
    private(set) var storedVersion: UInt64
    /// Skipped and lost ranges that the store does not have yet.
    private(set) var newRanges: [LedgerRange] = []
    /// Changes of slots that the store does not have yet.
    private var newSlots: [SlotChange] = []
    /// Losses that have not been logged yet, by reason.
    private var unloggedLosses: [String: UInt64] = [:]
    /// What the store has, as accounts say it.
    private(set) var stored: StoredLane?

    /// A lane that the consumer meets for the first time.
    init(origin: LanePosition) {
        self.origin = origin
        window = LaneWindow(cursor: origin)
        counts = LaneCounts()
        version = 1
        storedVersion = 0
    }

    init(stored: StoredLane) {
        origin = stored.origin
        window = LaneWindow(cursor: stored.cursor, ahead: stored.ahead)
        counts = stored.counts
        version = 1
        storedVersion = 1
        self.stored = stored
    }

    /// Enters a batch that follows what has been received, and answers what of it is to be delivered.
    ///
    /// What was received before is dropped. A hole is entered as lost.
    mutating func receive(_ batch: EnvelopeBatch, time: Int64) -> [EnvelopeBatch] {
        guard let first = batch.entries.first, let last = batch.entries.last, last.sequence < .max else { return [] }
        let received = window.received
        if LanePosition(epoch: batch.epoch, sequence: last.sequence) <= received { return [] }
        var fresh = batch
        var start = first.sequence
        if batch.epoch == received.epoch, start <= received.sequence {
            fresh = batch.dropFirst(Int(received.sequence - start + 1))
            start = received.sequence + 1
        }
        let expected = batch.epoch == received.epoch ? received.sequence + 1 : 1
        if start > expected {
            let before = LanePosition(epoch: batch.epoch, sequence: start - 1)
            enter(
                StreamGap(
                    lane: batch.lane, after: received, through: before, count: start - expected,
                    reason: StreamGap.Reason(rawValue: Fate.unexplained.reason)),
                time: time)
        }
        let range = SequenceRange(epoch: batch.epoch, first: start, last: last.sequence)
        window.receive(range)
        let parts = window.unfinished(of: range)
        if parts.count != 1 || parts[0] != range { advance(time: time) }
        return parts.map { part in
            part == range ? fresh : fresh.dropFirst(Int(part.first - start)).prefix(Int(part.count))
        }
    }

    /// Enters a gap that follows what has been received. One that is known already is ignored.
    mutating func receive(_ gap: StreamGap, time: Int64) {
        guard gap.through > window.received else { return }
        enter(gap, time: time)
    }

    /// Enters the fate of the first `count` envelopes of a batch. Each envelope has one fate only.
    mutating func finish(_ batch: EnvelopeBatch, first count: Int, as fate: Fate, time: Int64) {
        let entries = batch.entries.prefix(count)
        guard let head = entries.first else { return }
        var range = SequenceRange(epoch: batch.epoch, first: head.sequence, last: head.sequence)
        for entry in entries.dropFirst() {
            if entry.sequence == range.last + 1 {
                range.last = entry.sequence
            } else {
                finish(range, as: fate, time: time)
                range = SequenceRange(epoch: batch.epoch, first: entry.sequence, last: entry.sequence)
            }
        }
        finish(range, as: fate, time: time)
        advance(time: time)
    }

    /// What the store should know now.
    var commit: LaneCommit {
        LaneCommit(
            lane: StoredLane(origin: origin, cursor: window.cursor, ahead: window.ahead, counts: counts),
            before: stored, newRanges: newRanges, slots: newSlots, version: version)
    }

    /// Takes in that the store has this.
    mutating func committed(_ commit: LaneCommit) {
        storedVersion = commit.version
        stored = commit.lane
        newRanges.removeFirst(commit.newRanges.count)
        newSlots.removeFirst(commit.slots.count)
    }

    /// Records that the slot of one of the lane's envelopes is taken, or free again.
    mutating func recordSlotChange(_ change: SlotChange) {
        newSlots.append(change)
        version += 1
    }

    /// Records how delivered envelopes were changed.
    mutating func recordChanges(_ changed: [String: UInt64]) {
        guard !changed.isEmpty else { return }
        counts.changed.merge(changed, uniquingKeysWith: +)
        version += 1
    }

    /// What was lost since the last call, by reason.
    mutating func takeLosses() -> [String: UInt64] {
        guard !unloggedLosses.isEmpty else { return [:] }
        defer { unloggedLosses = [:] }
        return unloggedLosses
    }

    // MARK: parts

    private mutating func enter(_ gap: StreamGap, time: Int64) {
        window.receive(gap)
        advance(time: time)
    }

    private mutating func finish(_ range: SequenceRange, as fate: Fate, time: Int64) {
        window.finish(range)
        counts.add(range.count, as: fate)
        if fate != .delivered {
            newRanges.append(
                LedgerRange(first: range.start, last: range.end, count: range.count, fate: fate, time: time))
        }
        if case .lost(let reason) = fate { unloggedLosses[reason, default: 0] += range.count }
        version += 1
    }

    private mutating func advance(time: Int64) {
        let before = window.cursor
        for gap in window.advance() where gap.count > 0 {
            // What another reader had is its to account for.
            let fate = gap.reason == .elsewhere ? Fate.skipped(gap.reason.rawValue) : .lost(gap.reason.rawValue)
            counts.add(gap.count, as: fate)
            if fate.kind == Fate.lost("").kind { unloggedLosses[fate.reason, default: 0] += gap.count }
            newRanges.append(LedgerRange(gap, fate: fate, time: time))
        }
        if window.cursor != before { version += 1 }
    }
}

extension LedgerRange {
    fileprivate init(_ gap: StreamGap, fate: Fate, time: Int64) {
        self.init(
            first: LanePosition(epoch: gap.after.epoch, sequence: gap.after.sequence + 1), last: gap.through,
            count: gap.count, fate: fate, time: time)
    }
}

/// What a transaction says of one lane.
package struct LaneCommit: Sendable {
    /// How the lane is now.
    package var lane: StoredLane
    /// How the store has it; `nil`: not at all.
    package var before: StoredLane?
    /// Skipped and lost since then.
    package var newRanges: [LedgerRange]
    /// In their order, since then.
    package var slots: [SlotChange] = []
    /// Of the ledger that it was taken from.
    package var version: UInt64 = 0
}

/// What is to be made durable at once.
package struct LedgerCommit: Sendable {
    package var lanes: [Lane: LaneCommit] = [:]
    /// To be written before the transaction, so that no envelope is passed as refused without its letter.
    package var deadLetters: [Lane: [DeadLetter]] = [:]
}

/// What became of a `LedgerCommit`.
package struct CommitResult: Sendable {
    /// Lanes of which nothing was stored, maybe none. The same may be tried again.
    package var failed: Set<Lane> = []
    /// Lanes whose dead letters were written, even if then the transaction failed.
    package var lettersWritten: Set<Lane> = []
    /// What went wrong: a sentence for an operator.
    package var error: String?

    package init() {}
}
