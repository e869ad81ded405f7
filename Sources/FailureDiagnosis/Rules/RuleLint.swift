private import Diagnosis

/// Checks one rule for mistakes that don't make it invalid.
struct RuleLint {
    /// A shorter text makes the search examine more than every fourth byte.
    private static let shortBytes = 7

    let rule: Rule
    /// The table's.
    let exclusions: [String]
    private(set) var findings: [RuleFinding] = []

    init(rule: Rule, exclusions: [String]) {
        self.rule = rule
        self.exclusions = exclusions
    }

    mutating func checkTexts() {
        for text in rule.all + rule.any {
            if let exclusion = (rule.exclusions + exclusions).first(where: { text.contains($0) }) {
                add(.deadText, "a line with '\(text)' is excluded by '\(exclusion)'")
            }
        }
        for text in rule.any {
            if let other = rule.any.first(where: { $0 != text && text.contains($0) }) {
                add(.deadText, "'\(text)' adds nothing to '\(other)'")
            }
        }
        for text in rule.all {
            if let other = rule.all.first(where: { $0 != text && $0.contains(text) }) {
                add(.deadText, "'\(text)' adds nothing to '\(other)'")
            }
        }
        for text in rule.anchors where text.utf8.count < Self.shortBytes {
            add(.shortText, "'\(text)' is so short that it slows down the search for all rules")
        }
    }

    /// Tries the expression on the known lines, and on combinations of the rule's own texts.
    mutating func checkPattern(knownLines: [String]) {
        guard let pattern = rule.pattern, let compiled = try? LinePattern(pattern, ignoresCase: rule.ignoresCase) else {
            return
        }
        let all = rule.all.joined(separator: " ")
        let ownLines = rule.any.isEmpty ? [all] : rule.any.flatMap { [$0, "\(all) \($0)", "\($0) \(all)"] }
        let matches = (knownLines + ownLines).contains { line in
            var line = line
            return line.withUTF8 { compiled.matches(UnsafeRawBufferPointer($0)) }
        }
        if !matches { add(.pattern, "the regular expression matches no known line with the rule's texts") }
    }

    /// Checks whether an earlier rule of at least the same weight matches every line of this one.
    mutating func checkReach(among earlier: ArraySlice<Rule>) {
        guard rule.role == .rootCause, !rule.all.isEmpty || !rule.any.isEmpty else { return }
        if let other = earlier.first(where: { isCovered(by: $0) }) {
            add(
                .unreachable,
                "the earlier rule '\(other.id)' has at least its weight and matches every line that it matches")
        }
    }

    mutating func checkCorpus(matches: Set<String>, nearMisses: Set<String>) {
        guard !rule.all.isEmpty || !rule.any.isEmpty else { return }
        if !matches.contains(rule.id) { add(.corpus, "the corpus has no line that it matches") }
        if !nearMisses.contains(rule.id) { add(.corpus, "the corpus has no near miss") }
    }

    private func isCovered(by other: Rule) -> Bool {
        guard other.role == .rootCause, other.weight >= rule.weight, !other.all.isEmpty || !other.any.isEmpty,
            other.pattern == nil || other.pattern == rule.pattern, other.ignoresCase || !rule.ignoresCase,
            Set(other.exclusions).isSubset(of: rule.exclusions)
        else { return false }
        let hasAll = other.all.allSatisfy { text in rule.all.contains { $0.contains(text) } }
        guard hasAll, !other.any.isEmpty else { return hasAll }
        if rule.all.contains(where: { text in other.any.contains { text.contains($0) } }) { return true }
        return !rule.any.isEmpty && rule.any.allSatisfy { text in other.any.contains { text.contains($0) } }
    }

    private mutating func add(_ kind: RuleFinding.Kind, _ message: String) {
        findings.append(RuleFinding(ruleID: rule.id, place: rule.definedAt, kind: kind, message: message))
    }
}

extension RuleTable {
    /// What is wrong or doubtful about the rules. (Reading them already checks that ids are unique.)
    ///
    /// - Parameter corpus: should have a matching line and a near miss for each rule.
    package func lint(corpus: RuleCorpus? = nil) -> [RuleFinding] {
        let covered = corpus?.covered
        return rules.enumerated().flatMap { index, rule in
            var lint = RuleLint(rule: rule, exclusions: exclusions)
            lint.checkTexts()
            // Without known lines there is no check: a rule's texts alone rarely make a line that its expression matches.
            if let known = corpus?.lines.first(where: { $0.rule == rule.id })?.matches {
                lint.checkPattern(knownLines: known)
            }
            lint.checkReach(among: rules[..<index])
            if let covered { lint.checkCorpus(matches: covered.matches, nearMisses: covered.nearMisses) }
            return lint.findings
        }
    }
}
