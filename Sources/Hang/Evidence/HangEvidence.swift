private import FoundationEssentials

/// All that is known of a hang, from any number of ranks, in a size that does not grow with what they have recorded. What nodes summarise by
/// themselves merges where nodes meet: in any order, and the same twice makes no difference.
package struct HangEvidence: Hashable, Sendable, Codable {
    package var collectives = CollectiveSummary()
    package var stacks = StackGroups()
    /// By global rank.
    package var ranks: [Int: RankFacts] = [:]
    /// What NCCL's RAS says.
    package var ras: Set<RASSign> = []
    /// Ranks that entered or left collectives while the evidence was taken.
    package var moved = RankSet()
    /// What could not be read or had, in sentences.
    package var notes: Set<String> = []

    package init() {}

    package mutating func merge(_ other: HangEvidence) {
        collectives.merge(other.collectives)
        stacks.merge(other.stacks)
        for (rank, facts) in other.ranks { ranks[rank, default: RankFacts()].merge(facts) }
        ras.formUnion(other.ras)
        moved.formUnion(other.moved)
        notes.formUnion(other.notes)
    }

    /// Of which ranks anything is known.
    package var known: RankSet {
        collectives.recorded.union(stacks.ranks).union(RankSet(ranks.keys)).union(
            ras.reduce(RankSet()) { $0.union($1.ranks) })
    }

    /// As it travels from node to node: the same evidence gives the same bytes.
    package var json: [UInt8]? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { Array($0) }
    }
}
