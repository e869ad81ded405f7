/// The answer to "which rank hangs, and why", made of everything that is known.
package struct HangAnswer: Sendable {
    package let evidence: HangEvidence
    package let collectives: [CollectiveFinding]
    /// Collectives that all ranks have entered and not all have left.
    package let underWay: [CollectiveFinding]
    /// The smallest group first.
    package let stacks: [StackGroup]
    package let notes: [String]
    /// Whom it is about; empty if nobody is to blame.
    package let culprits: RankSet
    package let isHang: Bool
    /// One sentence for an operator.
    package let sentence: String

    package init(_ evidence: HangEvidence) {
        self.evidence = evidence
        let analysis = CollectiveAnalysis(evidence.collectives)
        collectives = analysis.findings
        underWay = analysis.underWay
        stacks = evidence.stacks.groups
        let verdict = HangVerdict(evidence: evidence, analysis: analysis, stacks: stacks)
        culprits = verdict.culprits
        isHang = verdict.isHang
        sentence = verdict.sentence
        notes = analysis.notes + evidence.notes.sorted()
    }
}
