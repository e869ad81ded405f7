/// Finds sends without their receive, and receives without their send.
///
/// The recorders number them on each rank by itself, so that the numbers of the two sides need not agree; what both have open does.
struct TransferAnalysis {
    let findings: [CollectiveFinding]

    init(_ group: GroupSummary, recorded: RankSet) {
        var findings: [CollectiveFinding] = []
        for transfer in group.transfers {
            guard let peer = transfer.peer, peer != transfer.rank else { continue }
            let isMet = group.transfers.contains {
                $0.rank == peer && $0.isSend != transfer.isSend && ($0.peer == transfer.rank || $0.peer == nil)
            }
            guard !isMet else { continue }
            let name = transfer.isSend ? "send \(transfer.rank)->\(peer)" : "recv \(transfer.rank)<-\(peer)"
            // One line a pair and direction: the oldest.
            guard !findings.contains(where: { $0.operation == name }) else { continue }
            var finding = CollectiveFinding(
                group: group.key, sequence: transfer.sequence, operation: name, kind: .missing,
                culprits: RankSet([peer]), waiting: RankSet([transfer.rank]))
            if !recorded.contains(peer) { finding.unrecorded = RankSet([peer]) }
            finding.since = transfer.first
            finding.callSite = transfer.callSite
            findings.append(finding)
        }
        self.findings = findings
    }
}
