internal import ArgumentParser

/// `arobust rules`: the rules by which failures are diagnosed.
struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "List, explain, check and test the rules by which failures are diagnosed.",
        discussion: """
            Rules are data: texts to look for, a regular expression, what the line means,
            and what to do. Files of your own add to the built-in ones and change them
            (--rules, or diagnosis.rules in the settings). docs/diagnosis.md describes
            them.
            """,
        subcommands: [
            RulesListCommand.self, RulesExplainCommand.self, RulesLintCommand.self, RulesTestCommand.self,
        ])
}
