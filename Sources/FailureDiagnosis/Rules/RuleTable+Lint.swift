extension RuleTable {
    /// What is wrong or doubtful about the rules; that ids are unique is checked as they are read.
    ///
    /// - Parameter corpus: where each rule should have a line that it matches, and a near miss.
    public func lint(corpus: RuleCorpus? = nil) -> [RuleFinding] {
        let covered = corpus?.covered
        return rules.enumerated().flatMap { index, rule in
            var lint = RuleLint(rule: rule, exclusions: exclusions)
            lint.checkTexts()
            // A rule's own texts seldom make a line that its expression matches.
            if let known = corpus?.lines.first(where: { $0.rule == rule.id })?.matches {
                lint.checkPattern(knownLines: known)
            }
            lint.checkReach(among: rules[..<index])
            if let covered { lint.checkCorpus(matches: covered.matches, nearMisses: covered.nearMisses) }
            return lint.findings
        }
    }
}
