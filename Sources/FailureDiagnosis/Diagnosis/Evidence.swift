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
