/// Puts a verdict into one sentence.
struct HangWords {
    let evidence: HangEvidence
    let stacks: [StackGroup]

    /// So many ranks are described each by itself.
    private static let mostDescribed = 3

    var extent: String {
        evidence.known.count == 1 ? "the evidence of one rank" : "the evidence of \(evidence.known.count) ranks"
    }

    func sentence(of finding: CollectiveFinding) -> String {
        let culprits = finding.roots
        let group = CollectiveAnalysis.title(finding.group)
        var text: String
        switch finding.kind {
        case .diverged:
            text = divergence(finding)
        case .missing where finding.isUnstarted:
            text = """
                \(named(culprits)) \(verb(culprits, "has", "have")) called \(finding.operation)\(number(finding)) of \(group), but \
                \(verb(culprits, "its device has", "their devices have")) not come to it, while \(waiting(finding)) in it
                """
        case .missing where finding.culprits.subtracting(finding.unrecorded).isEmpty:
            text = """
                \(named(culprits)) left no recording, while \(waiting(finding)) in \(finding.operation)\(number(finding)) of \(group)
                """
        case .missing where finding.operation.contains("-"):
            let other = finding.operation.hasPrefix("send") ? "received" : "sent"
            text = """
                \(named(culprits)) \(verb(culprits, "has", "have")) not \(other) what \(waiting(finding)) for in \(finding.operation)\(number(finding)) of \
                \(group)
                """
        case .missing:
            text = """
                \(named(culprits)) \(verb(culprits, "has", "have")) not entered \(finding.operation)\(number(finding)) of \(group), \
                \(waiting(finding)) in it
                """
        }
        return text + description(of: culprits) + "."
    }

    func sentence(moving finding: CollectiveFinding) -> String {
        """
        The training goes on: \(finding.waiting.title), which waited in \(finding.operation)\(number(finding)) of \
        \(CollectiveAnalysis.title(finding.group)), went on while the evidence was taken.
        """
    }

    func sentence(of sign: RASSign) -> String {
        sign.text + description(of: sign.ranks) + "."
    }

    func sentence(standing: RankSet, while waiting: RankSet) -> String {
        """
        \(named(standing)) \(verb(standing, "is", "are")) in no collective, while \(waiting.title) \
        \(verb(waiting, "waits", "wait")) in one\(description(of: standing)).
        """
    }

    func sentence(troubled: RankSet) -> String {
        guard troubled.count > Self.mostDescribed, let first = troubled.first else {
            return troubled.map { "\(named(RankSet([$0]))) \(evidence.ranks[$0]?.trouble ?? "")" }.joined(
                separator: "; ") + "."
        }
        return "\(troubled.title) do not run: rank \(first) \(evidence.ranks[first]?.trouble ?? "")."
    }

    func sentence(underWay finding: CollectiveFinding, isHang: Bool) -> String {
        let name = "\(finding.operation)\(number(finding)) of \(CollectiveAnalysis.title(finding.group))"
        let who =
            "\(finding.waiting.title) \(verb(finding.waiting, "is", "are")) in \(name), which no rank has failed to enter"
        return isHang
            ? "\(who), and stand there in all samples: look at the network and the devices."
            : "\(who): if that lasts, look at the network and the devices."
    }

    // MARK: parts

    private func divergence(_ finding: CollectiveFinding) -> String {
        guard let usual = finding.variants.first else { return "" }
        let others = finding.variants.dropFirst().map { variant in
            let call =
                variant.operation == usual.operation ? "\(variant.operation) with \(variant.shape)" : variant.operation
            return "\(named(variant.ranks)) called \(call)" + (variant.callSite.map { " (\($0))" } ?? "")
        }
        let expected =
            finding.variants.contains { $0.operation == usual.operation && $0.ranks != usual.ranks }
            ? "\(usual.operation) with \(usual.shape)" : usual.operation
        let site = usual.callSite.map { " (\($0))" } ?? ""
        return """
            \(others.joined(separator: " and ")) where \(usual.ranks.title) called \(expected)\(site), in collective \(finding.sequence) of \
            \(CollectiveAnalysis.title(finding.group))
            """
    }

    private func waiting(_ finding: CollectiveFinding) -> String {
        let everybody = evidence.known.subtracting(finding.culprits)
        let isAll = finding.waiting == everybody && finding.waiting.count > 1
        let who = isAll ? "the other \(finding.waiting.count)" : finding.waiting.title
        return "\(who) \(verb(finding.waiting, "waits", "wait"))"
    }

    private func number(_ finding: CollectiveFinding) -> String { finding.sequence > 0 ? " \(finding.sequence)" : "" }

    private func verb(_ ranks: RankSet, _ one: String, _ many: String) -> String { ranks.count == 1 ? one : many }

    /// `rank 1 on node 3`
    private func named(_ ranks: RankSet) -> String {
        let nodes = Set(ranks.prefix(1000).compactMap { evidence.ranks[$0]?.process?.node }.filter { !$0.isEmpty })
        guard let node = nodes.first, nodes.count == 1 else { return ranks.title }
        return "\(ranks.title) on node \(node)"
    }

    /// Where they stand and what else is known of them, from the second half of the sentence on.
    private func description(of ranks: RankSet) -> String {
        let described = ranks.prefix(Self.mostDescribed).compactMap { rank in
            let facts = facts(of: rank)
            return facts.isEmpty ? nil : "rank \(rank) \(facts.joined(separator: ", "))"
        }
        return described.isEmpty ? "" : "; " + described.joined(separator: "; ")
    }

    private func facts(of rank: Int) -> [String] {
        var facts: [String] = []
        let known = evidence.ranks[rank]
        if let trouble = known?.trouble { facts.append(trouble) }
        if let group = stacks.first(where: { $0.thread == nil && $0.ranks.contains(rank) }) {
            if let place = CollectiveFrames.place(of: group.frames) {
                facts.append("stands in \(place)")
            } else if let function = group.kernelFunction {
                facts.append("waits in the kernel's \(function)")
            }
            if group.ownsGIL { facts.append("holding the GIL") }
            if group.isStuck == false { facts.append("and moves: it is slow rather than stuck") }
        }
        if let holder = stacks.first(where: { $0.thread != nil && $0.ownsGIL && $0.ranks.contains(rank) }) {
            facts.append(
                "its thread \(holder.thread ?? "") holds the GIL in \(CollectiveFrames.place(of: holder.frames) ?? "?")"
            )
        }
        if let log = known?.log { facts.append("its last log line is \(log.age) s old") }
        return facts
    }
}
