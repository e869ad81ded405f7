private import Diagnosis

/// A line that the diagnosis rests on.
public struct Evidence: Hashable, Sendable {
    /// The id of the rule that it hits.
    public var rule: String
    public var title: String
    public var domain: RuleDomain
    public var role: RuleRole
    /// The line, or a sentence where it comes from an exit code.
    public var text: String
    /// Where the line is. `nil`: it comes from the launcher's account.
    public var file: String?
    /// Of the line's start, in bytes.
    public var offset: Int?
    /// From 1; `nil` where counting would take too long.
    public var line: Int?
    public var rank: Int?
    /// Seconds since 1970.
    public var time: Double?
    /// Whether the time is that of an earlier line.
    public var isTimeEstimated: Bool
    /// How many lines of this kind there are.
    public var count: Int
    /// Why it counts as it does.
    public var why: String
    public var vendorAction: String?
    public var source: String?
}

/// A file that a rank has written.
public struct LogSource: Hashable, Sendable {
    public var path: String
    /// The rank that wrote it; `nil`: several, or the launcher. A line's own `[rank3]:` holds then.
    public var rank: Int?

    public init(path: String, rank: Int? = nil) {
        self.path = path
        self.rank = rank
    }
}

/// What torch's `record` decorator writes when a rank fails:
/// `{"message": {"message": "ValueError: …", "extraInfo": {"py_callstack": …, "timestamp": "1795480093"}}}`.
struct ElasticErrorFile {
    let message: String
    /// Seconds since 1970.
    let time: Double?

    init?(_ bytes: [UInt8]) {
        guard let json = JSONValue(bytes), let message = json["message"] else { return nil }
        if let text = message.string {
            self.message = text
            time = nil
            return
        }
        guard let text = message["message"]?.string else { return nil }
        self.message = text
        let info = message["extraInfo"] ?? message["extra_info"]
        time = info?["timestamp"]?.integer.map(Double.init)
    }
}

/// What is shown of a decision.
struct EvidenceReport {
    private static let most = 20

    let decision: CauseDecision
    let rules: [Rule]

    /// The cause first; at most 20.
    var evidence: [Evidence] {
        let cause = decision.cause.map { [evidence(of: $0, why: decision.why)] } ?? []
        let others = decision.others.map { evidence(of: $0, why: whyNot($0)) }
        let survived = decision.survived.map { evidence(of: $0, why: "the training went on after it") }
        let rest = decision.rest.sorted { ($0.time ?? .infinity, $0.rule) < ($1.time ?? .infinity, $1.rule) }
            .map { evidence(of: $0, why: whyNot($0)) }
        return Array((cause + others + survived + rest).prefix(Self.most))
    }

    /// How many lines follow from a failure elsewhere, by rule.
    var cascades: [String: Int] {
        decision.rest.filter { rules[$0.rule].role == .cascade }
            .reduce(into: [:]) { $0[rules[$1.rule].id, default: 0] += $1.count }
    }

    private func whyNot(_ sighting: Sighting) -> String {
        switch rules[sighting.rule].role {
        case .cascade: "it follows from a failure elsewhere"
        case .information, .start: "it is no cause by itself"
        case .confirmation: "it confirms a failure and does not name the cause"
        case .rootCause:
            if let own = sighting.time, let first = decision.cause?.time, own > first {
                "it came later"
            } else {
                "it says less than the cause"
            }
        }
    }

    private func evidence(of sighting: Sighting, why: String) -> Evidence {
        let rule = rules[sighting.rule]
        return Evidence(
            rule: rule.id, title: rule.title, domain: rule.domain, role: rule.role, text: sighting.text,
            file: sighting.file, offset: sighting.offset, line: nil, rank: sighting.rank, time: sighting.time,
            isTimeEstimated: sighting.time != nil && sighting.timeSource == .before, count: sighting.count, why: why,
            vendorAction: rule.vendorAction, source: rule.source)
    }
}
