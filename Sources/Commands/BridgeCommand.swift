internal import Agent
internal import ArgumentParser

/// `arobust bridge`
struct BridgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bridge",
        abstract: "Report what publishers publish to each of several masters.",
        discussion: "Waits for a publisher that is not there yet.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var sources: SourceOptions
    @OptionGroup var masters: MasterOptions

    func run() async throws {
        let settings = try common.settings(sources.flags + masters.flags)
        try await CommandFailure.wrap {
            try await AgentServices(settings: settings, logger: CommonOptions.logger(settings)).runBridge()
        }
    }
}
