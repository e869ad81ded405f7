internal import Agent
internal import ArgumentParser

/// `arobust collect`
struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Collect and publish; report to nobody.",
        discussion: """
            The first half of an agent. arobust bridge with the same state directory,
            also one started later, is the second; arobust tap shows what is collected.

              arobust collect --log-file train.log --stack-ranks --stack-interval 5m

            SIGTERM or SIGINT ends it after a last look at the logs, a second one at
            once.

            \(HelpText.settings)

            \(HelpText.status)
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var collect: CollectOptions

    func run() async throws {
        let settings = try common.settings(collect.flags)
        try await CommandFailure.wrap {
            try await AgentServices(settings: settings, logger: CommonOptions.logger(settings)).runCollect()
        }
    }
}
