internal import Diagnosis

/// The part of a decision that is shown.
struct EvidenceReport {
    private static let maximumCount = 20

    let decision: CauseDecision
    let rules: [Rule]

    /// The cause first; at most 20.
    var evidence: [Evidence] {
        var cause = decision.cause.map { [evidence(of: $0, why: decision.why)] } ?? []
        if !cause.isEmpty { cause[0].confidence = decision.confidence }
        let others = decision.others.map { evidence(of: $0, why: whyNot($0)) }
        let dismissed = decision.dismissed.map { evidence(of: $0, why: whyNot($0)) }
        let rest = decision.rest.sorted { ($0.time ?? .infinity, $0.rule) < ($1.time ?? .infinity, $1.rule) }
            .map { evidence(of: $0, why: whyNot($0)) }
        return Array((cause + others + dismissed + rest).prefix(Self.maximumCount))
    }

    /// How many lines are consequences of a failure elsewhere, by rule.
    var cascades: [String: Int] {
        decision.rest.filter { rules[$0.rule].role == .cascade }
            .reduce(into: [:]) { $0[rules[$1.rule].id, default: 0] += $1.count }
    }

    private func whyNot(_ sighting: Sighting) -> String {
        if let dismissal = sighting.dismissal { return dismissal.phrase }
        switch sighting.standing {
        case .consequence: return "another exception came before it"
        case .ignored: return "Python went on after it"
        case .quoted, .bare, .inThread, .raised, nil:
            if let doubt = sighting.doubt { return doubt }
        }
        return switch rules[sighting.rule].role {
        case .cascade: "a consequence of a failure elsewhere"
        case .information, .start: "it is no cause by itself"
        case .confirmation: "it confirms a failure and does not name the cause"
        case .rootCause:
            decision.cause?.isEarlier(than: sighting) == true ? "it came later" : "it says less than the cause"
        }
    }

    private func evidence(of sighting: Sighting, why: String) -> Evidence {
        let rule = rules[sighting.rule]
        return Evidence(
            rule: rule.id, title: rule.title, domain: rule.domain, role: rule.role, text: sighting.text,
            file: sighting.file, offset: sighting.offset, rank: sighting.rank, time: sighting.time,
            isTimeEstimated: sighting.time != nil && sighting.timeSource == .before, count: sighting.count, why: why,
            vendorAction: rule.vendorAction, source: rule.source)
    }
}
