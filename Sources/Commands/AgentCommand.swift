internal import Agent
internal import ArgumentParser

/// `arobust agent`
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Collect, publish and report, in one process.",
        discussion: """
            Follows training logs, scrapes XPUTimer's metrics and dumps stacks;
            publishes all of it on the bus in the state directory; reports it to each
            master at that master's pace.

              arobust agent --log-file train.log --xpu-timer-port 18889 \\
                --stack-ranks --master dlrover+grpc://10.0.0.1:50001

            SIGTERM or SIGINT ends it after sending what it holds, a second one at once.

            \(HelpText.masters)

            \(HelpText.settings)

            \(HelpText.status)
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var collect: CollectOptions
    @OptionGroup var masters: MasterOptions

    func run() async throws {
        let settings = try common.settings(collect.flags + masters.flags)
        try await CommandFailure.wrap {
            try await AgentServices(settings: settings, logger: CommonOptions.logger(settings)).runAgent()
        }
    }
}
