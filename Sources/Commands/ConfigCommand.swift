internal import Agent
internal import ArgumentParser

/// `arobust config`
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check or show the settings without starting.",
        discussion: """
            Takes the flags of agent, collect and bridge. Check looks at what they look
            at before they start, as the user who runs it: it says all that would stop
            them, and warns of what is named and can't be used now. It makes and changes
            nothing. Show lists every setting there is.

              arobust config check --config arobust.yaml
              arobust config show --config arobust.yaml --stack-interval 5m

            \(HelpText.settings)

            Exit status: 0 if the settings are right, 64 if not, 1 if they are but this
            process may have too few open files or threads, or too little memory.
            """,
        subcommands: [Check.self, Show.self])

    /// The flags of every command at once: what is checked may be meant for any of them.
    struct AllOptions: ParsableArguments {
        @OptionGroup var common: CommonOptions
        @OptionGroup var service: ServiceOptions
        @OptionGroup var collect: CollectOptions
        @OptionGroup var masters: MasterOptions

        @ArgumentParser.Option(help: SourceOptions.connectHelp)
        var connect: [String] = []

        func settings() throws -> AgentSettings {
            try common.settings(
                service.flags + collect.flags + masters.flags + [.several(\.connect, "--connect", connect)])
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether the settings are right; status 64 if not, 1 if limits are too small.")
        @OptionGroup var options: AllOptions

        func run() async throws {
            let check = SettingsCheck(try options.settings(), for: .everything)
            for warning in check.warnings { StandardError.say("Warning: \(warning)") }
            for error in check.errors { StandardError.say("Error: \(error)") }
            guard check.errors.isEmpty else {
                throw check.isOnlyAboutLimits ? ExitCode.failure : ExitCode.validationFailure
            }
            try StandardOutput.write(.lines(["The settings are right."]))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every setting with its value and where that came from.")
        @OptionGroup var options: AllOptions

        func run() async throws {
            try StandardOutput.write(.lines(try options.settings().describe()))
        }
    }
}
