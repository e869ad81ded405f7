package import Diagnosis

/// Envelopes of a lane that were skipped or are lost, in the order of the lane.
package struct LedgerRange: Hashable, Sendable {
    package var first: LanePosition
    package var last: LanePosition
    /// How many they are: fewer than the sequences between if others lie between, unknown to the sequences if epochs do.
    package var count: UInt64
    package var fate: Fate
    /// When it was found. Seconds since 1970.
    package var time: Int64

    /// Takes in a range that follows this one without a hole and met the same fate.
    ///
    /// - Returns: whether it was such a range.
    mutating func extend(with next: LedgerRange) -> Bool {
        guard fate == next.fate, last.epoch == next.first.epoch, last.sequence + 1 == next.first.sequence else {
            return false
        }
        last = next.last
        count += next.count
        time = next.time
        return true
    }
}
