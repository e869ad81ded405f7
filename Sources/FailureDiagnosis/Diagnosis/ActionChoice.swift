internal import Diagnosis

/// Chooses the action for a cause, and the sentence that explains it.
struct ActionChoice {
    let failure: TrainingFailure
    /// Which ranks waited for others; `nil` if that is not known.
    let story: String?
    let history: RestartHistory

    func choose(_ decision: CauseDecision, rules: [Rule]) -> (DiagnosisAction, String) {
        guard let cause = decision.cause else { return withoutCause(decision) }
        let rule = rules[cause.rule]
        let who = cause.rank.map { "rank \($0): " } ?? ""
        let how = decision.doubt == nil ? "" : "possibly "
        let waiting = story.map { "; ranks \($0)" } ?? ""
        let what = "\(how)\(who)\(rule.title) (\(rule.id)): \(cause.text.prefix(200).trimmed)\(waiting)"
        if decision.doubt != nil || rule.role != .rootCause && rule.action == .jobAbortion { return restart(what) }
        if rule.role == .rootCause, rule.action != .jobAbortion, rule.action != .relaunchWorker,
            let advice = history.advice(on: cause, rule)
        {
            switch advice {
            case .giveUp(let why):
                return (.jobAbortion(reason: rule.id, message: "\(what); \(why)"), "\(what); \(why)")
            case .replaceNode(let why): return node(.relaunchWorker, "\(what); \(why)")
            }
        }
        let hasFailed = hasFailed || decision.hasEnded
        switch rule.action {
        case .relaunchWorker: return node(.relaunchWorker, what)
        case .jobAbortion:
            return (
                .jobAbortion(reason: rule.id, message: what), "\(what); trying again won't help"
            )
        case .event where !hasFailed:
            return (
                .event(type: "warn", action: rule.id, message: what, labels: [:]),
                "\(what); no rank has failed"
            )
        case .noAction where !hasFailed: return (.noAction, "\(what); no rank has failed")
        case .restartWorker, .event, .noAction:
            return restart(what, rule, earlier: history.earlier(cause, rule).count)
        }
    }

    private func restart(_ what: String, _ rule: Rule, earlier: Int) -> (DiagnosisAction, String) {
        if rule.relaunchAfter > 0, earlier >= rule.relaunchAfter {
            return node(
                .relaunchWorker,
                "\(what); it has caused \(earlier) earlier \(earlier == 1 ? "failure" : "failures") on this node")
        }
        return restart(what)
    }

    private func withoutCause(_ decision: CauseDecision) -> (DiagnosisAction, String) {
        if let story { return restart("no cause was found; ranks \(story)") }
        let hasCascade = !decision.rest.isEmpty
        return restart(
            hasCascade ? "only consequences of a failure elsewhere were found" : "no known cause was found")
    }

    private func restart(_ what: String) -> (DiagnosisAction, String) {
        guard failure.restartCount < failure.maxRestarts else {
            return node(.relaunchWorker, "\(what); no restarts are left (\(failure.maxRestarts))")
        }
        return node(.restartWorker, what)
    }

    private func node(_ operation: DiagnosisAction.NodeOperation, _ reason: String) -> (DiagnosisAction, String) {
        (.node(operation, node: failure.node, reason: reason), reason)
    }

    /// Whether the launcher reports a failure at all.
    private var hasFailed: Bool {
        guard let text = failure.failures?.trimmed else { return false }
        return !text.isEmpty && JSONValue(Array(text.utf8)) != .object([:])
    }
}
