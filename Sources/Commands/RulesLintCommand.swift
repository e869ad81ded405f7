internal import Agent
internal import ArgumentParser
internal import FailureDiagnosis

/// `arobust rules lint`
struct RulesLintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Look the rules over: texts without effect, rules that are never reached.",
        discussion: """
              arobust rules lint --rules my-rules.yaml

            Exit status: 0 if nothing was found, 1 if something was, 64 for a wrong flag,
            setting or rule file.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rules: RuleOptions

    @ArgumentParser.Option(
        help: ArgumentHelp("Also look for rules that this corpus has no line for.", valueName: "dir"))
    var corpus: String?

    func run() async throws {
        let settings = try common.settings(rules.flags)
        try await CommandFailure.wrap {
            let table = try settings.ruleTable()
            let findings = table.lint(corpus: try corpus.map { try RuleCorpus(folder: $0) })
            try StandardOutput.write(
                findings.map(\.description) + ["\(table.rules.count) rules, \(findings.count) findings"])
            if !findings.isEmpty { throw ExitCode.failure }
        }
    }
}
