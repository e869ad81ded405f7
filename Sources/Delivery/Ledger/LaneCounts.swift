/// What became of a lane's envelopes at one consumer, since its account began.
package struct LaneCounts: Hashable, Sendable {
    package var delivered: UInt64 = 0
    /// By rule.
    package var skipped: [String: UInt64] = [:]
    /// By reason.
    package var lost: [String: UInt64] = [:]

    /// How many of the delivered reached the master other than they were collected, by what was done. Not in the total.
    package var changed: [String: UInt64] = [:]

    package init() {}

    mutating func add(_ count: UInt64, as fate: Fate) {
        switch fate {
        case .delivered: delivered += count
        case .skipped(let rule): skipped[rule, default: 0] += count
        case .lost(let reason): lost[reason, default: 0] += count
        }
    }

    package var total: UInt64 {
        delivered + skipped.values.reduce(0, +) + lost.values.reduce(0, +)
    }
}
