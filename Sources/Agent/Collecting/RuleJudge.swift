internal import Collectors
internal import Diagnosis
internal import FailureDiagnosis

/// Judges log lines by the diagnosis' rules, for what collectors keep when they can't keep all.
struct RuleJudge: LineJudge {
    private let matcher: RuleMatcher

    init(_ matcher: RuleMatcher) {
        self.matcher = matcher
    }

    func judge(_ lines: UnsafeRawBufferPointer) -> [JudgedLine] {
        matcher.hits(in: lines).compactMap { hit in
            let rule = matcher.table.rules[hit.rule]
            guard rule.role != .start else { return nil }
            return JudgedLine(line: hit.line, rule: rule.id, isRootCause: rule.role == .rootCause)
        }
    }
}
