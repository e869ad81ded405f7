/// A collective, or a send or receive, in which ranks wait for others.
package struct CollectiveFinding: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        /// The culprits have not entered it.
        case missing
        /// The culprits entered another operation, or the same one with another shape or data type.
        case diverged
    }

    package var group: GroupSummary.Key
    package var sequence: Int
    /// `all_reduce`, `send 1->2`
    package var operation: String
    package var kind: Kind
    /// Global ranks.
    package var culprits: RankSet
    /// The ranks that have entered it and are not through.
    package var waiting: RankSet
    /// Whether the culprits have entered it, and only their devices have not come to it.
    package var isUnstarted = false
    /// Culprits of which there is no recording: gone, or not read.
    package var unrecorded = RankSet()
    /// Culprits that wait elsewhere themselves, and in which groups: what they wait for comes first.
    package var blocked = RankSet()
    package var blockedBy: [GroupSummary.Key] = []
    /// When the first rank began to wait, in nanoseconds since 1970; 0 if unknown.
    package var since: Int64 = 0
    /// Where the waiting ranks called it.
    package var callSite: String?
    /// Of a diverged one: what was called and by whom, the most ranks first.
    package var variants: [Variant] = []

    package struct Variant: Hashable, Sendable {
        package var operation: String
        package var shape: String
        package var callSite: String?
        package var ranks: RankSet
    }

    /// Those culprits that don't wait for somebody else: where to look first. All of them where each waits.
    package var roots: RankSet {
        let roots = culprits.subtracting(blocked)
        return roots.isEmpty ? culprits : roots
    }
}
