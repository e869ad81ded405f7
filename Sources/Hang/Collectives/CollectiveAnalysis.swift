/// Finds who waits for whom in a summary, and says which of it is the cause and which follows.
package struct CollectiveAnalysis: Sendable {
    /// The most telling first.
    package private(set) var findings: [CollectiveFinding] = []
    /// Collectives that all ranks have entered and some have not left: a slow one, or trouble in the network or a device.
    package private(set) var underWay: [CollectiveFinding] = []
    /// What makes the answer less sure.
    package private(set) var notes: [String] = []

    private let summary: CollectiveSummary
    /// Ranks that there are, and of which nothing is recorded.
    private let unread: RankSet

    package init(_ summary: CollectiveSummary) {
        self.summary = summary
        unread = summary.unread.subtracting(summary.recorded)
        for group in summary.groups {
            examine(group)
            findings += TransferAnalysis(group, recorded: summary.recorded).findings
        }
        order()
        noteDeadlock()
    }

    private mutating func examine(_ group: GroupSummary) {
        let members = members(of: group)
        if let outside = Optional(group.positions.reduce(RankSet()) { $0.union($1.ranks) }.subtracting(members)),
            !group.members.isEmpty, !outside.isEmpty
        {
            notes.append("\(outside.title) recorded operations of \(Self.title(group.key)), to which they don't belong")
        }
        let open = Dictionary(grouping: group.operations, by: \.sequence).filter {
            $0.value.contains { !$0.open.isEmpty }
        }
        for sequence in open.keys.sorted() {
            let operations = group.operations.filter { $0.sequence == sequence }
            let waiting = operations.reduce(RankSet()) { $0.union($1.open) }
            let diverged = diverged(operations, waiting: waiting, in: group)
            let missing = missing(at: sequence, operations, waiting: waiting, members: members, in: group)
            findings += [diverged, missing].compactMap(\.self)
            if diverged != nil || missing != nil { return }
            var all = finding(operations, sequence, .missing, culprits: RankSet(), waiting: waiting, in: group)
            if members == group.ranks, group.members.isEmpty, !unread.isEmpty {
                // The group's members are not known, and somebody has left no recording.
                all.culprits = unread
                all.unrecorded = unread
                findings.append(all)
                return
            }
            let started = operations.reduce(RankSet()) { $0.union($1.started) }
            let behind = waiting.subtracting(started)
            if !behind.isEmpty, !waiting.intersection(started).isEmpty {
                // All have called it; the devices of some are still at something earlier.
                all.culprits = behind
                all.waiting = waiting.intersection(started)
                all.isUnstarted = true
                findings.append(all)
                return
            }
            underWay.append(all)
        }
        if open.isEmpty { examineWithoutOperations(group, members: members) }
    }

    /// Where the ring has lost the open operation, only the numbers are left.
    private mutating func examineWithoutOperations(_ group: GroupSummary, members: RankSet) {
        let waiting = group.positions.filter { $0.completed < $0.enqueued }
        guard let sequence = waiting.map({ $0.completed + 1 }).min() else { return }
        let ranks = waiting.filter { $0.completed < sequence }.reduce(RankSet()) { $0.union($1.ranks) }
        if var finding = missing(at: sequence, [], waiting: ranks, members: members, in: group) {
            finding.operation = "collective"
            findings.append(finding)
        }
    }

    /// All ranks of a group. The default group is the whole job.
    private func members(of group: GroupSummary) -> RankSet {
        if !group.members.isEmpty { return group.members }
        let isDefault = group.key.description == "default_pg" || group.key.name == "0"
        return isDefault ? group.ranks.union(summary.recorded).union(unread) : group.ranks
    }

    private func missing(
        at sequence: Int, _ operations: [GroupSummary.Operation], waiting: RankSet, members: RankSet,
        in group: GroupSummary
    ) -> CollectiveFinding? {
        let entered = group.positions.filter { $0.enqueued >= sequence }.reduce(RankSet()) { $0.union($1.ranks) }
        let absent = members.subtracting(entered)
        let behind = absent.intersection(summary.recorded)
        // A rank without a recording may be anywhere; it is the suspect only where nobody else is.
        let culprits = behind.isEmpty ? absent : behind
        guard !culprits.isEmpty, !waiting.isEmpty else { return nil }
        var finding = finding(operations, sequence, .missing, culprits: culprits, waiting: waiting, in: group)
        finding.unrecorded = absent.subtracting(summary.recorded)
        return finding
    }

    private func diverged(
        _ operations: [GroupSummary.Operation], waiting: RankSet, in group: GroupSummary
    ) -> CollectiveFinding? {
        guard operations.count > 1 else { return nil }
        // Coalesced operations share a number: what counts is the set that a rank has under it.
        let ranks = operations.reduce(RankSet()) { $0.union($1.open).union($1.done) }
        var byCalls: [[Int]: RankSet] = [:]
        for rank in ranks {
            let calls = operations.indices.filter {
                operations[$0].open.contains(rank) || operations[$0].done.contains(rank)
            }
            byCalls[calls, default: RankSet()].insert(rank)
        }
        guard byCalls.count > 1 else { return nil }
        func usual(_ variant: CollectiveFinding.Variant) -> Int {
            group.operations.count { $0.name == variant.operation && $0.shape == variant.shape }
        }
        let variants = byCalls.map { calls, ranks in
            CollectiveFinding.Variant(
                operation: calls.map { operations[$0].name }.joined(separator: " + "),
                shape: calls.map { operations[$0].shape }.joined(separator: " + "),
                callSite: calls.compactMap { operations[$0].callSite }.first, ranks: ranks)
        }.sorted { left, right in
            // The most ranks are taken to be right; of as many, those who did as before; else those with the lowest, as torchfrtrace does.
            let (first, second) = (usual(left), usual(right))
            return (-left.ranks.count, -first, left.ranks) < (-right.ranks.count, -second, right.ranks)
        }
        let culprits = variants.dropFirst().reduce(RankSet()) { $0.union($1.ranks) }
        var finding = finding(
            operations, operations[0].sequence, .diverged, culprits: culprits, waiting: waiting.subtracting(culprits),
            in: group)
        finding.operation = variants[0].operation
        finding.callSite = variants[0].callSite
        finding.variants = variants
        return finding
    }

    private func finding(
        _ operations: [GroupSummary.Operation], _ sequence: Int, _ kind: CollectiveFinding.Kind, culprits: RankSet,
        waiting: RankSet, in group: GroupSummary
    ) -> CollectiveFinding {
        let open = operations.filter { !$0.open.isEmpty }.max { $0.open.count < $1.open.count }
        var finding = CollectiveFinding(
            group: group.key, sequence: sequence, operation: open?.name ?? "collective", kind: kind,
            culprits: culprits, waiting: waiting)
        finding.since = open?.first ?? 0
        finding.callSite = open?.callSite
        return finding
    }

    // MARK: what blocks what

    /// A culprit that waits in another group has not come because of that: the finding there goes first.
    private mutating func order() {
        for index in findings.indices {
            for (other, cause) in (findings + underWay).enumerated() where other != index {
                let blocked = findings[index].culprits.intersection(cause.waiting)
                let isSameCall =
                    cause.group == findings[index].group && cause.sequence == findings[index].sequence
                    && cause.kind != findings[index].kind
                guard !blocked.isEmpty, !isSameCall else { continue }
                findings[index].blocked.formUnion(blocked)
                if !findings[index].blockedBy.contains(cause.group) { findings[index].blockedBy.append(cause.group) }
            }
        }
        findings.sort { left, right in
            let (first, second) = (Self.rank(left), Self.rank(right))
            return first == second
                ? (left.group, left.sequence) < (right.group, right.sequence) : first.lexicographicallyPrecedes(second)
        }
    }

    /// Lower is more telling: no culprit waits elsewhere; a wrong call before a missing one; a recorded culprit; few of them; early.
    private static func rank(_ finding: CollectiveFinding) -> [Int] {
        let free = finding.culprits.subtracting(finding.blocked)
        return [
            free.isEmpty ? 2 : finding.blocked.isEmpty ? 0 : 1,
            finding.kind == .diverged ? 0 : 1,
            finding.culprits.subtracting(finding.unrecorded).isEmpty ? 1 : 0,
            free.isEmpty ? finding.culprits.count : free.count,
            Int(clamping: finding.since / 1_000_000_000),
        ]
    }

    private mutating func noteDeadlock() {
        guard let first = findings.first, first.culprits.subtracting(first.blocked).isEmpty,
            let other = findings.dropFirst().first(where: { !$0.waiting.intersection(first.culprits).isEmpty })
        else { return }
        notes.append(
            """
            \(first.waiting.title) wait in \(Self.title(first.group)) for \(first.culprits.title), and \(other.waiting.title) wait in \
            \(Self.title(other.group)) for \(other.culprits.title): they entered the groups' collectives in different orders
            """)
    }

    /// `default_pg (0)`, or the name alone.
    package static func title(_ key: GroupSummary.Key) -> String {
        key.description.isEmpty ? "group \(key.name)" : "\(key.description) (group \(key.name))"
    }
}
