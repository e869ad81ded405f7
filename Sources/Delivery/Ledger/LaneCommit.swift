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
