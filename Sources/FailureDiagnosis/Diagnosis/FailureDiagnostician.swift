/// Says what a training failed of, and what to do: the first root cause in time across the ranks decides.
///
/// What follows from a failure elsewhere is counted and never blamed; lines of the same minute count by their rules' weight. A restart
/// becomes a relaunch once no restarts are left, or where the same rule was the cause on this node before.
public struct FailureDiagnostician: Sendable {
    /// The rules, and how lines are compared with them.
    public let matcher: RuleMatcher

    public init(_ table: RuleTable) {
        matcher = RuleMatcher(table)
    }

    /// Takes no longer than the failure's budget; a log is read from its end, as far as that allows.
    ///
    /// It reads files and computes without a pause: not for Swift's cooperative threads.
    public func diagnose(_ failure: TrainingFailure) -> FailureVerdict {
        var gathering = EvidenceGathering(failure, matcher: matcher)
        gathering.gather()
        let decision = gathering.decide()
        let (action, reason) = ActionChoice(failure: failure).choose(decision, rules: matcher.table.rules)
        let report = EvidenceReport(decision: decision, rules: matcher.table.rules)
        var evidence = report.evidence
        if !evidence.isEmpty, let file = evidence[0].file, let offset = evidence[0].offset {
            evidence[0].line = gathering.lineNumber(in: file, at: offset)
        }
        return FailureVerdict(
            action: action, cause: decision.cause == nil ? nil : evidence.first, evidence: evidence, reason: reason,
            cascades: report.cascades, notes: gathering.notes,
            signature: decision.cause?.signature(in: failure), timestamp: Int(failure.clock.now))
    }
}
