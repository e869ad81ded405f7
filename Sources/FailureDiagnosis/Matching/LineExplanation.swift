extension RuleMatcher {
    /// What each rule with a text in the line makes of that line, as if it were reported as an error.
    package func explain(_ line: String) -> LineExplanation {
        var text = line
        return text.withUTF8 { utf8 in
            let bytes = UnsafeRawBufferPointer(utf8)
            let exclusion = generalExclusion(in: bytes)
            let program = ProgramText(bytes).bytes
            let isException = ExceptionLine.isException(program[...])
            let verdicts = (isException ? program : Array(bytes)).withUnsafeBytes { text in
                candidates(in: text, isException: isException).map { index in verdict(of: index, on: text, line: bytes)
                }
            }
            return LineExplanation(
                exclusion: exclusion, verdicts: verdicts,
                hits: exclusion == nil ? hits(inMessage: line).map { table.rules[$0.rule].id } : [])
        }
    }

    private func verdict(
        of index: Int, on text: UnsafeRawBufferPointer, line: UnsafeRawBufferPointer
    ) -> LineExplanation.Verdict {
        let rule = table.rules[index]
        let miss = miss(of: index, text, line: line, .message)
        var verdict = LineExplanation.Verdict(ruleID: rule.id, miss: miss)
        if miss == .pattern, let pattern = rule.pattern {
            let beginning = LinePattern.matchingBeginning(of: pattern, ignoresCase: rule.ignoresCase, in: text)
            let how = beginning.isEmpty ? "not even its beginning" : "only \(beginning) does"
            verdict.expression = "\(pattern) (\(how))"
        }
        return verdict
    }

    private func miss(of rule: Int, _ text: UnsafeRawBufferPointer, line: UnsafeRawBufferPointer, _ kind: TextKind)
        -> CompiledRule.Miss?
    {
        rules[rule].miss(text) ?? (isAllowed(rule, line, kind) ? nil : .noKernelLine)
    }
}

/// How the rules judge a line.
package struct LineExplanation: Hashable, Sendable {
    /// How one rule, with a text in the line, judges it.
    package struct Verdict: Hashable, Sendable {
        package let ruleID: String
        /// The rule's regular expression and how much of it matches, if it doesn't match as a whole.
        var expression: String?
        let miss: CompiledRule.Miss?

        package var isHit: Bool { miss == nil }
        /// Whether the line has all the rule's texts, but is excluded or doesn't match the regular expression.
        package var isNearMiss: Bool {
            switch miss {
            case .excluded, .pattern, .noKernelLine: true
            case nil, .text: false
            }
        }
        /// Why the rule doesn't match, as a phrase; `nil` if it does.
        package var reason: String? {
            switch miss {
            case nil: nil
            case .text(let text): "the line lacks '\(text)'"
            case .excluded(let text): "the line has '\(text)', which the rule excludes"
            case .pattern: "the line doesn't match \(expression ?? "the regular expression")"
            case .noKernelLine: "the line doesn't have the form of the kernel's"
            }
        }
    }

    /// The text that excludes the line from all rules.
    package let exclusion: String?
    /// In the table's order.
    package let verdicts: [Verdict]
    /// The ids of the rules that match and count.
    package let hits: [String]
}
