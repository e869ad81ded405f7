/// What became of an envelope in the end, as the ledger names it.
package enum Fate: Hashable, Sendable {
    case delivered
    /// Not sent, by this rule.
    case skipped(String)
    /// Gone, for this reason.
    case lost(String)

    /// Too old to be of use to the master.
    static let stale = Fate.skipped("stale")
    /// Collected in what is still the future.
    static let future = Fate.skipped("future")
    /// Another sample of its node has its slot.
    static let slot = Fate.skipped("slot")
    /// Sent once, with no answer, and never again since a duplicate would be worse.
    static let ambiguous = Fate.lost("ambiguous")
    /// The stream had a hole that nobody explained: a fault of the program that brings the stream.
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
