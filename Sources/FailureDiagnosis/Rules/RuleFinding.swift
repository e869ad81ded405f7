/// Something about a table that a rule's author should know.
public struct RuleFinding: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Hashable, Sendable {
        /// A text that can't make a difference.
        case deadText = "dead-text"
        /// The rule can't be a cause: an earlier one always is.
        case unreachable
        /// The regular expression matches no known line with the rule's texts.
        case pattern
        /// A text is so short that it slows the search for all.
        case shortText = "short-text"
        /// The corpus has no line for the rule.
        case corpus
    }

    public let ruleID: String
    /// The rule's file and line.
    public let place: String
    public let kind: Kind
    public let message: String

    public var description: String { "\(place): \(ruleID): \(message) [\(kind.rawValue)]" }
}
