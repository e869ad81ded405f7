internal import Agent
internal import ArgumentParser

/// `arobust bridge`
struct BridgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bridge",
        abstract: "Report what publishers publish to each of several masters.",
        discussion: """
            The second half of an agent: subscribes to the bus of one or several
            publishers (arobust agent or collect) and waits for those that are not there
            yet.

              arobust bridge --master dlrover+grpc://10.0.0.1:50001 \\
                --master file:///var/log/diagnosis.ndjson

            SIGTERM or SIGINT ends it after sending what it holds, a second one at once.

            \(HelpText.masters)

            \(HelpText.settings)

            \(HelpText.status)
            """)

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
