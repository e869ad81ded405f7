/// Decides what the evidence comes to. Recordings say it surest, then stacks, then the state of processes.
struct HangVerdict {
    let culprits: RankSet
    let isHang: Bool
    let sentence: String

    init(evidence: HangEvidence, analysis: CollectiveAnalysis, stacks: [StackGroup]) {
        let words = HangWords(evidence: evidence, stacks: stacks)
        if let first = analysis.findings.first {
            // Recordings of several ranks are not of the same moment. Where those that wait went on meanwhile, it was just under way.
            let isMoving = !first.waiting.isEmpty && first.waiting.subtracting(evidence.moved).isEmpty
            culprits = isMoving ? RankSet() : first.roots
            isHang = !isMoving
            sentence = isMoving ? words.sentence(moving: first) : words.sentence(of: first)
            return
        }
        if let sign = evidence.ras.filter(\.isLoss).min(by: { $0.text < $1.text })
            ?? evidence.ras.min(by: { $0.text < $1.text })
        {
            culprits = sign.ranks
            isHang = true
            sentence = words.sentence(of: sign)
            return
        }
        let main = stacks.filter { $0.thread == nil }
        let inCollective = main.filter(\.isInCollective).reduce(RankSet()) { $0.union($1.ranks) }
        let outside = main.filter { !$0.isInCollective && $0.isStuck != false }
            .reduce(RankSet()) { $0.union($1.ranks) }.subtracting(inCollective)
        if !inCollective.isEmpty, !outside.isEmpty, outside.count <= inCollective.count {
            culprits = outside
            isHang = true
            sentence = words.sentence(standing: outside, while: inCollective)
            return
        }
        let troubled = RankSet(evidence.ranks.filter { $0.value.trouble != nil }.keys)
        if !troubled.isEmpty, troubled.count < evidence.known.count || evidence.known.count == 1 {
            culprits = troubled
            isHang = true
            sentence = words.sentence(troubled: troubled)
            return
        }
        culprits = RankSet()
        if let open = analysis.underWay.first {
            let standing = main.filter { $0.isInCollective && $0.isStuck == true }
                .reduce(RankSet()) { $0.union($1.ranks) }
            // That they stand in it through all samples is what tells a hang from a collective that was just under way.
            isHang = !standing.isEmpty && open.waiting.subtracting(standing).isEmpty
            sentence = words.sentence(underWay: open, isHang: isHang)
            return
        }
        isHang = false
        sentence =
            evidence.known.isEmpty
            ? "There is no evidence of any rank." : "No rank waits for another one, as far as \(words.extent) tell."
    }
}
