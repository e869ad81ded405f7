/// What the rules make of a line.
public struct LineExplanation: Hashable, Sendable {
    /// What a rule with a text in the line says.
    public struct Verdict: Hashable, Sendable {
        public let ruleID: String
        let miss: CompiledRule.Miss?

        public var isHit: Bool { miss == nil }
        /// Whether the line has all the rule's texts, and is none of its all the same.
        public var isNearMiss: Bool {
            switch miss {
            case .excluded, .pattern: true
            case nil, .text: false
            }
        }
        /// Why the rule doesn't match, as a phrase; `nil`: it does.
        public var reason: String? {
            switch miss {
            case nil: nil
            case .text(let text): "the line lacks '\(text)'"
            case .excluded(let text): "the line has '\(text)', which the rule excludes"
            case .pattern: "the regular expression doesn't match"
            }
        }
    }

    /// The text that keeps the line from every rule.
    public let exclusion: String?
    /// In the table's order.
    public let verdicts: [Verdict]
    /// The ids of the rules that count for the line.
    public let hits: [String]
}
