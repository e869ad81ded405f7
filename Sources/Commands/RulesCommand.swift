internal import Agent
internal import ArgumentParser
internal import FailureDiagnosis

/// `arobust rules`: the rules by which failures are diagnosed.
struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "List, explain, check and test the rules by which failures are diagnosed.",
        discussion: """
            A rule is data: the texts to look for, a regular expression, what the line
            means, and what to do. Your own files add rules to the built-in ones and change
            them (--rules, or diagnosis.rules in the settings). docs/diagnosis.md describes
            them.
            """,
        subcommands: [
            RulesListCommand.self, RulesExplainCommand.self, RulesLintCommand.self, RulesTestCommand.self,
        ])
}

/// The flag of the commands that use rules.
struct RuleOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp(
            "A YAML file with rules to add to the built-in ones, or changes to them. May be given more than once.",
            valueName: "file"))
    var rules: [String] = []

    var flags: [SettingFlag] {
        [.several(\.diagnosis.rules, "--rules", rules)]
    }
}

/// `arobust rules lint`
struct RulesLintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Check the rules for texts without effect and rules that never decide.",
        discussion: """
              arobust rules lint --rules my-rules.yaml

            Exit status: 0 if nothing was found, 1 if something was, 64 for a wrong flag,
            setting or rule file.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rules: RuleOptions

    @ArgumentParser.Option(
        help: ArgumentHelp("Also report rules for which this corpus has no line.", valueName: "dir"))
    var corpus: String?

    func run() async throws {
        let settings = try common.settings(rules.flags)
        try await CommandFailure.wrap {
            let table = try settings.ruleTable()
            let findings = table.lint(corpus: try corpus.map { try RuleCorpus(folder: $0) })
            try StandardOutput.write(
                .lines(findings.map(\.description) + ["\(table.rules.count) rules, \(findings.count) findings"]))
            if !findings.isEmpty { throw ExitCode.failure }
        }
    }
}

/// `arobust rules test`
struct RulesTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Run a corpus of logs against the rules.",
        discussion: """
            A corpus has lines that a rule must match, lines that it must not match, and the
            logs of whole jobs with the cause and the action to be found. The corpus of the
            built-in rules is rules/corpus in arobust's sources.

              arobust rules test --corpus rules/corpus
              arobust rules test --rules my-rules.yaml --corpus my-corpus

            Exit status: 0 if everything is as expected, 1 if not, 64 for a wrong flag,
            setting or rule file.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rules: RuleOptions

    @ArgumentParser.Option(help: ArgumentHelp("The corpus's folder.", valueName: "dir"))
    var corpus: String

    func run() async throws {
        let settings = try common.settings(rules.flags)
        try await CommandFailure.wrap {
            let corpus = try RuleCorpus(folder: corpus)
            let failures = corpus.run(try settings.ruleTable())
            let counts = corpus.counts
            try StandardOutput.write(
                .lines(
                    failures.map(\.description) + [
                        "\(counts.matches) lines that must match, \(counts.nearMisses) that must not, "
                            + "\(counts.jobs) jobs: \(failures.count) failed"
                    ]))
            if !failures.isEmpty { throw ExitCode.failure }
        }
    }
}
