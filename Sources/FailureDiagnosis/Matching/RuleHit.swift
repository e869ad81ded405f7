/// A line that a rule matches.
public struct RuleHit: Hashable, Sendable {
    /// The rule's place in its table's `rules`.
    public var rule: Int
    /// Where the line is, without its end: an offset in the bytes that were searched. Of a line longer than `RuleMatcher.longestLine` the
    /// part around the text that was found.
    public var line: Range<Int>
}
