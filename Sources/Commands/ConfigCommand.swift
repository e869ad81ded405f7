internal import Agent
internal import ArgumentParser

/// `arobust config`
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check or show the settings without starting.",
        subcommands: [Check.self, Show.self])

    /// The flags of every command at once: what is checked may be meant for any of them.
    struct AllOptions: ParsableArguments {
        @OptionGroup var common: CommonOptions
        @OptionGroup var collect: CollectOptions
        @OptionGroup var masters: MasterOptions

        func settings() throws -> AgentSettings {
            try common.settings(collect.flags + masters.flags)
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether the settings are right; status 64 if not.")
        @OptionGroup var options: AllOptions

        func run() async throws {
            _ = try options.settings()
            print("The settings are right.")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every setting with its value and where that came from.")
        @OptionGroup var options: AllOptions

        func run() async throws {
            for line in try options.settings().describe() { print(line) }
        }
    }
}
