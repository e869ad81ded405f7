/// Turns one rank's recording into lines of a summary.
struct RankRecording {
    /// How many operations are kept of a group, from the first open one on and at the end: somebody else's open one may be among them.
    private static let kept = 4
    private static let mostTransfers = 16

    let groups: [GroupSummary]

    init(_ dump: FlightRecorderDump, rank: Int) {
        var byKey: [GroupSummary.Key: [FlightRecorderEntry]] = [:]
        for entry in dump.entries { byKey[Self.key(entry), default: []].append(entry) }
        let numbers = Self.numbers(of: byKey)
        // A group that has no entries yet, or none any more, still has a position.
        let trusted = Self.trusted(dump, keys: Array(byKey.keys))
        for (key, members) in trusted where byKey[key] == nil && members.contains(rank) { byKey[key] = [] }
        groups = byKey.map { key, entries in
            let members = trusted[key] ?? []
            var group = GroupSummary(key: key)
            group.members = RankSet(members)
            let collectives = entries.filter { !$0.isPointToPoint }
            let status = numbers[key].flatMap { dump.status[$0] }
            group.positions = [Self.position(collectives, status, rank: rank)]
            group.operations = Self.operations(collectives, rank: rank)
            group.transfers = Self.transfers(entries, rank: rank, members: members)
            return group
        }.sorted { $0.key < $1.key }
    }

    private static func key(_ entry: FlightRecorderEntry) -> GroupSummary.Key {
        GroupSummary.Key(name: entry.groupName, description: entry.groupDescription)
    }

    /// The number that each group has on this rank: only the entries tell, since `pg_status` has numbers alone.
    private static func numbers(of groups: [GroupSummary.Key: [FlightRecorderEntry]]) -> [GroupSummary.Key: Int] {
        groups.compactMapValues { $0.last?.groupNumber }.filter { $0.value >= 0 }
    }

    /// The members of those groups that `pg_config` describes in a way that agrees with the entries.
    ///
    /// torch 2.15's gloo has one group there, without a name and with the ranks of whichever was made last: it is believed only where no other
    /// group exists.
    private static func trusted(_ dump: FlightRecorderDump, keys: [GroupSummary.Key]) -> [GroupSummary.Key: [Int]] {
        var trusted: [GroupSummary.Key: [Int]] = [:]
        for group in dump.groups where !group.name.isEmpty {
            let named = keys.filter { $0.name == group.name }
            let key =
                named.first { $0.description == group.description } ?? named.first
                ?? GroupSummary.Key(name: group.name, description: group.description)
            trusted[key] = group.ranks
        }
        if dump.groups.count == 1, let only = dump.groups.first, only.name.isEmpty, keys.count == 1,
            dump.status.count <= 1
        {
            trusted[keys[0]] = only.ranks
        }
        return trusted
    }

    private static func position(
        _ entries: [FlightRecorderEntry], _ status: FlightRecorderDump.Status?, rank: Int
    ) -> GroupSummary.Position {
        let entered = entries.map(\.collectiveSequence).max() ?? 0
        let enqueued = max(entered, status?.lastEnqueued ?? 0, 0)
        let completed: Int
        if let open = entries.lazy.filter({ !$0.isDone }).map(\.collectiveSequence).min() {
            completed = open - 1
        } else {
            completed = max(entered, status?.lastCompleted ?? 0, 0)
        }
        return GroupSummary.Position(enqueued: enqueued, completed: min(completed, enqueued), ranks: RankSet([rank]))
    }

    private static func operations(_ entries: [FlightRecorderEntry], rank: Int) -> [GroupSummary.Operation] {
        let sorted = entries.sorted { $0.collectiveSequence < $1.collectiveSequence }
        let open = sorted.firstIndex { !$0.isDone } ?? sorted.endIndex
        let around = sorted[max(0, open - kept)..<min(sorted.count, open + kept)]
        var chosen = Array(around)
        for entry in sorted.suffix(kept) where entry.collectiveSequence > (around.last?.collectiveSequence ?? .min) {
            chosen.append(entry)
        }
        return GroupSummary.joined(
            chosen.map { entry in
                let ranks = RankSet([rank])
                var operation = GroupSummary.Operation(
                    sequence: entry.collectiveSequence, name: entry.operation, shape: shape(of: entry),
                    open: entry.isDone ? RankSet() : ranks, done: entry.isDone ? ranks : RankSet(),
                    first: entry.created, last: entry.created, callSite: entry.callSite)
                if entry.state == "started" || entry.state == "completed" { operation.started = ranks }
                return operation
            })
    }

    /// What all ranks must agree on: torchfrtrace's rules (`torch/distributed/flight_recorder/components/types.py`, `Op.match`).
    private static func shape(of entry: FlightRecorderEntry) -> String {
        let name = entry.operation
        var parts: [String] = []
        let isAllToAll = name.contains("all_to_all") || name.contains("alltoall")
        if !isAllToAll, name != "scatter" { parts.append("in \(entry.inputSizes)") }
        if !isAllToAll, name != "gather" { parts.append("out \(entry.outputSizes)") }
        parts.append(entry.dataTypes)
        return parts.joined(separator: " ")
    }

    private static func transfers(
        _ entries: [FlightRecorderEntry], rank: Int, members: [Int]
    ) -> [GroupSummary.Transfer] {
        entries.filter { !$0.isDone }.compactMap { entry in
            guard let transfer = entry.transfer else { return nil }
            // Ranks are numbered within the group, in the order of its members.
            let peer = transfer.peer.map { members.indices.contains($0) ? members[$0] : $0 }
            return GroupSummary.Transfer(
                isSend: transfer.isSend, rank: rank, peer: peer, sequence: entry.pointToPointSequence,
                first: entry.created, callSite: entry.callSite)
        }.prefix(mostTransfers).map(\.self)
    }
}
