internal import Agent
internal import ArgumentParser

/// `arobust collect`
struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Collect and publish; report to nobody.",
        discussion: "The first half of `arobust agent`; `arobust bridge` with the same state directory is the second.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var collect: CollectOptions

    func run() async throws {
        let settings = try common.settings(collect.flags)
        try await CommandFailure.wrap {
            try await AgentServices(settings: settings, logger: CommonOptions.logger(settings)).runCollect()
        }
    }
}
