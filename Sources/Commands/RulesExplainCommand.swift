internal import Agent
internal import ArgumentParser
private import Diagnosis
internal import FailureDiagnosis

/// `arobust rules explain`
struct RulesExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say which rules match a line, and why others do not.",
        discussion: """
            Reads lines from the arguments, or from standard input.

              arobust rules explain 'NVRM: Xid (PCI:0000:c1:00): 79, GPU has fallen off the bus.'
              grep Xid kernel.log | arobust rules explain

            Exit status: 0 if a rule matches some line, 1 if none does, 64 for a wrong
            flag, setting or rule file.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rules: RuleOptions

    @ArgumentParser.Flag(help: "Also show the rules that have only some of their texts in the line.")
    var all = false

    @ArgumentParser.Argument(help: "Lines of a log.")
    var line: [String] = []

    func run() async throws {
        let settings = try common.settings(rules.flags)
        try await CommandFailure.wrap {
            let matcher = RuleMatcher(try settings.ruleTable())
            var isHit = false
            for line in try lines() {
                let explanation = matcher.explain(line)
                isHit = isHit || !explanation.hits.isEmpty
                guard try StandardOutput.write(.lines([line] + text(explanation, matcher.table))) else { break }
            }
            if !isHit { throw ExitCode.failure }
        }
    }

    private func lines() throws -> [String] {
        if !line.isEmpty { return line }
        var input = InputLines(readSize: 1 << 16, longestLine: 1 << 20)
        var lines: [String] = []
        while let next = try input.next() {
            for case .whole(let bytes) in next { lines.append(String(decoding: bytes, as: UTF8.self)) }
        }
        return lines
    }

    private func text(_ explanation: LineExplanation, _ table: RuleTable) -> [String] {
        if let exclusion = explanation.exclusion {
            return ["  no rule: the line has '\(exclusion)', which excludes it from all rules"]
        }
        let shown = explanation.verdicts.filter { all || $0.isHit || $0.isNearMiss }
        let others = explanation.verdicts.count - shown.count
        let rest = others > 0 ? ["  \(others) rules have one of their texts in the line, but not all"] : []
        guard !explanation.verdicts.isEmpty else { return ["  no rule has a text in the line"] }
        return shown.map { verdict in
            if let reason = verdict.reason { return "  not \(verdict.ruleID): \(reason)" }
            guard explanation.hits.contains(verdict.ruleID), let rule = table[verdict.ruleID] else {
                return "  not \(verdict.ruleID): a more specific rule matches"
            }
            let advice = rule.vendorAction.map { "; vendor: \($0)" } ?? ""
            return
                "  \(rule.id): \(rule.title) (\(rule.domain.rawValue), \(rule.role.rawValue)): \(rule.action.rawValue)\(advice)"
        } + rest
    }
}
