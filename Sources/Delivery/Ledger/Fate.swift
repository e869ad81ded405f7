package import Diagnosis

/// What became of an envelope in the end, as the ledger names it.
package enum Fate: Hashable, Sendable {
    case delivered
    /// Not sent, by this rule.
    case skipped(String)
    /// Gone, for this reason.
    case lost(String)

    /// Too old to be of use to the master.
    static let stale = Fate.skipped("stale")
    /// Its time of collection is in the future.
    static let future = Fate.skipped("future")
    /// The collector's rate limit left its lines out; it only says which.
    static let shed = Fate.skipped("shed")
    /// A piece of an incident's bundle, for a master that reads no pieces.
    static let incident = Fate.skipped("incident")
    /// Another sample of its node has its slot.
    static let slot = Fate.skipped("slot")
    /// Sent once without an answer, and not again, since a duplicate would be worse.
    static let ambiguous = Fate.lost("ambiguous")
    /// The stream had an unexplained hole: a bug in the subscriber.
    static let unexplained = Fate.lost("unexplained")

    var kind: String {
        switch self {
        case .delivered: "delivered"
        case .skipped: "skipped"
        case .lost: "lost"
        }
    }

    /// Empty for what was delivered.
    var reason: String {
        switch self {
        case .delivered: ""
        case .skipped(let rule): rule
        case .lost(let reason): reason
        }
    }

    /// Reads what `kind` and `reason` write; `nil` for another kind.
    init?(kind: String, reason: String) {
        switch kind {
        case "delivered": self = .delivered
        case "skipped": self = .skipped(reason)
        case "lost": self = .lost(reason)
        default: return nil
        }
    }
}

/// What became of a lane's envelopes at one consumer, since its account began.
package struct LaneCounts: Hashable, Sendable {
    package var delivered: UInt64 = 0
    /// By rule.
    package var skipped: [String: UInt64] = [:]
    /// By reason.
    package var lost: [String: UInt64] = [:]

    /// How many of the delivered were changed before the master got them, by what was done. Not in the total.
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

/// Envelopes of a lane that were skipped or are lost, in the order of the lane.
package struct LedgerRange: Hashable, Sendable {
    package var first: LanePosition
    package var last: LanePosition
    /// How many they are. `first` and `last` don't tell: envelopes with another fate, or the end of an epoch, may lie between.
    package var count: UInt64
    package var fate: Fate
    /// When it was found. Seconds since 1970.
    package var time: Int64
}
