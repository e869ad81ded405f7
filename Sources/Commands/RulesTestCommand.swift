internal import Agent
internal import ArgumentParser
internal import FailureDiagnosis

/// `arobust rules test`
struct RulesTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Run a corpus of logs against the rules.",
        discussion: """
            A corpus has lines that a rule must match and must not, and the logs of whole
            jobs with the cause and the action that must be found. That of the built-in
            rules is in rules/corpus of arobust's sources.

              arobust rules test --corpus rules/corpus
              arobust rules test --rules my-rules.yaml --corpus my-corpus

            Exit status: 0 if all is found as it must be, 1 if not, 64 for a wrong flag,
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
                failures.map(\.description) + [
                    "\(counts.matches) lines that must match, \(counts.nearMisses) that must not, \(counts.jobs) jobs: "
                        + "\(failures.count) failed"
                ])
            if !failures.isEmpty { throw ExitCode.failure }
        }
    }
}
