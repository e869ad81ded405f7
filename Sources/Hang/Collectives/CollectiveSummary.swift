internal import LogText

/// What the Flight Recorders of any number of ranks say, folded over the ranks: a node's summary is a few lines for each process group,
/// however many entries its ranks have.
///
/// Summaries merge: in any order, in any grouping, and the same one twice makes no difference (`CollectiveSummaryTests` says so on random
/// ones). Where two tell of the same rank, the one that saw it further counts, since a rank's sequence numbers only grow.
package struct CollectiveSummary: Hashable, Sendable, Codable {
    /// By name; a name has one entry.
    package private(set) var groups: [GroupSummary] = []
    /// The ranks of which there is a recording.
    package private(set) var recorded = RankSet()
    /// The ranks whose recording could not be read.
    package private(set) var unread = RankSet()

    package init() {}

    /// A rank of which there should be a recording.
    package init(unread rank: Int) {
        unread = RankSet([rank])
    }

    /// What one rank's recording says.
    package init(_ dump: FlightRecorderDump, rank: Int) {
        recorded = RankSet([rank])
        groups = RankRecording(dump, rank: rank).groups
    }

    package mutating func merge(_ other: CollectiveSummary) {
        recorded.formUnion(other.recorded)
        unread.formUnion(other.unread)
        var merged: [GroupSummary] = []
        merged.reserveCapacity(max(groups.count, other.groups.count))
        var (left, right) = (groups[...], other.groups[...])
        while let first = left.first, let second = right.first {
            if first.key == second.key {
                merged.append(first.merged(with: second))
                left.removeFirst()
                right.removeFirst()
            } else if first.key < second.key {
                merged.append(left.removeFirst())
            } else {
                merged.append(right.removeFirst())
            }
        }
        groups = merged + left + right
    }

    /// How far the ranks are in each group.
    var positions: [GroupSummary.Key: [GroupSummary.Position]] {
        Dictionary(groups.map { ($0.key, $0.positions) }, uniquingKeysWith: { first, _ in first })
    }
}

/// One process group of a summary.
package struct GroupSummary: Hashable, Sendable, Codable {
    /// Groups are told apart by their name in the whole job; where libraries give the same name to several, by the description as well.
    package struct Key: Hashable, Sendable, Codable, Comparable {
        package var name: String
        package var description: String

        package init(name: String, description: String) {
            self.name = name
            self.description = description
        }

        /// Numbers by their value.
        package static func < (left: Key, right: Key) -> Bool {
            guard left.name == right.name else {
                if let first = Int(left.name), let second = Int(right.name), first != second { return first < second }
                return left.name < right.name
            }
            return left.description < right.description
        }
    }

    /// How far some ranks are.
    package struct Position: Hashable, Sendable, Codable {
        /// The highest sequence number that they have entered; 0: none.
        package var enqueued: Int
        /// The highest up to which they are through with all.
        package var completed: Int
        package var ranks: RankSet
    }

    /// One way in which some ranks called the collective with one sequence number.
    package struct Operation: Hashable, Sendable, Codable {
        package var sequence: Int
        /// `all_reduce`
        package var name: String
        /// What has to be the same on all ranks, in text: sizes and data types as far as the operation asks for it.
        package var shape: String
        /// Those that have entered it and are not through.
        package var open: RankSet
        package var done: RankSet
        /// Those whose device has begun it. NCCL's recorder tells; gloo's does not.
        package var started = RankSet()
        /// When the first and the last of them entered it, in nanoseconds since 1970.
        package var first: Int64
        package var last: Int64
        /// Where programs called it: `train.py:88`; of several the first in the alphabet.
        package var callSite: String?

        /// A short name of what has to be the same: 16 hexadecimal digits.
        package var hash: String { StableHash.hex(of: "\(name) \(shape)") }
    }

    /// A send or receive that is not through yet.
    package struct Transfer: Hashable, Sendable, Codable {
        package var isSend: Bool
        /// Global ranks; `nil`: any.
        package var rank: Int
        package var peer: Int?
        package var sequence: Int
        package var first: Int64
        package var callSite: String?
    }

    package var key: Key
    /// The ranks of the group where the recordings agree with themselves on that; empty where they don't.
    package var members = RankSet()
    /// Ordered by how far they are, the furthest first. A rank is in one.
    package var positions: [Position] = []
    /// Ordered by sequence, name and shape: those that are open, and a few around them.
    package var operations: [Operation] = []
    package var transfers: [Transfer] = []

    package init(key: Key) {
        self.key = key
    }

    /// All ranks that are known to be of the group.
    package var ranks: RankSet { positions.reduce(members) { $0.union($1.ranks) } }

    func merged(with other: GroupSummary) -> GroupSummary {
        var merged = self
        merged.members.formUnion(other.members)
        merged.positions = Self.furthest(positions + other.positions)
        merged.operations = Self.joined(operations + other.operations)
        merged.transfers = Set(transfers + other.transfers).sorted { $0.order < $1.order }
        return merged
    }

    /// Of a rank with several positions the furthest.
    static func furthest(_ positions: [Position]) -> [Position] {
        var (kept, seen) = ([Position](), RankSet())
        for position in positions.sorted(by: { ($1.enqueued, $1.completed) < ($0.enqueued, $0.completed) }) {
            let ranks = position.ranks.subtracting(seen)
            guard !ranks.isEmpty else { continue }
            seen.formUnion(ranks)
            if let last = kept.last, (last.enqueued, last.completed) == (position.enqueued, position.completed) {
                kept[kept.count - 1].ranks.formUnion(ranks)
            } else {
                kept.append(Position(enqueued: position.enqueued, completed: position.completed, ranks: ranks))
            }
        }
        return kept
    }

    static func joined(_ operations: [Operation]) -> [Operation] {
        var joined: [Operation] = []
        for operation in operations.sorted(by: { $0.order < $1.order }) {
            guard let last = joined.last, last.order == operation.order else {
                joined.append(operation)
                continue
            }
            let place = joined.count - 1
            joined[place].done.formUnion(operation.done)
            joined[place].started.formUnion(operation.started)
            joined[place].open = last.open.union(operation.open).subtracting(joined[place].done)
            joined[place].first = min(last.first, operation.first)
            joined[place].last = max(last.last, operation.last)
            joined[place].callSite = [last.callSite, operation.callSite].compactMap(\.self).min()
        }
        return joined
    }
}

extension GroupSummary.Operation {
    fileprivate var order: (Int, String, String) { (sequence, name, shape) }
}

extension GroupSummary.Transfer {
    fileprivate var order: (Int, Int, Int, Int, Int64, String) {
        (rank, isSend ? 0 : 1, peer ?? -1, sequence, first, callSite ?? "")
    }
}
