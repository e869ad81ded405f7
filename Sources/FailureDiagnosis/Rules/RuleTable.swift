/// All rules that hold, and the texts that keep a line from every rule.
public struct RuleTable: Sendable {
    /// In the table's order; of two rules that say equally much about a line the earlier wins.
    public private(set) var rules: [Rule] = []
    /// A line with one of these texts is no rule's: advice, and what arobust itself writes.
    public private(set) var exclusions: [String] = []
    private var indexes: [String: Int] = [:]

    /// A table without rules.
    public init() {}

    /// The rule with this id.
    public subscript(id: String) -> Rule? {
        indexes[id].map { rules[$0] }
    }

    /// Adds a rule, or puts it in the place of the one with the same id.
    public mutating func add(_ rule: Rule) {
        if let index = indexes[rule.id] {
            rules[index] = rule
        } else {
            indexes[rule.id] = rules.count
            rules.append(rule)
        }
    }

    /// - Returns: whether there was such a rule.
    @discardableResult
    public mutating func remove(id: String) -> Bool {
        guard let index = indexes[id] else { return false }
        rules.remove(at: index)
        indexes = Dictionary(uniqueKeysWithValues: rules.enumerated().map { ($1.id, $0) })
        return true
    }

    /// Adds a text that keeps a line from every rule.
    public mutating func exclude(_ text: String) {
        if !exclusions.contains(text) { exclusions.append(text) }
    }
}
