/// Says which lines speak of a failure. The agent gives the diagnosis' rules (`RuleJudge`).
package protocol LineJudge: Sendable {
    /// - Parameter lines: whole lines.
    /// - Returns: in the order of the lines.
    func judge(_ lines: UnsafeRawBufferPointer) -> [JudgedLine]
}

/// A line that speaks of a failure.
package struct JudgedLine: Hashable, Sendable {
    /// Where it is in the judged bytes; of a very long line, a part of it.
    package var line: Range<Int>
    /// The id of the rule that says so.
    package var rule: String
    /// Whether it may be what a training fails of, and not only a sign of it.
    package var isRootCause: Bool

    package init(line: Range<Int>, rule: String, isRootCause: Bool) {
        self.line = line
        self.rule = rule
        self.isRootCause = isRootCause
    }
}
