public import ArgumentParser
internal import Diagnosis

/// `arobust`: the root of all commands.
public struct ArobustCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "arobust",
        abstract: "Collects training diagnosis data on a node, publishes it on a local bus, and reports it to masters.",
        discussion: """
            A node needs one agent:

              arobust agent --log-file train.log --stack-ranks --master host:50001

            Watch the bus while it runs:

              arobust tap

            Put a metric of your own on it:

              echo '{"data_type": "GENERIC", "data_content": "hi"}' | arobust publish

            See how far each master is, and check that nothing is missing:

              arobust status
              arobust audit

            After a crash, ask what it was and what to do:

              arobust diagnose --log train.log --restart-count 1

            Collecting and reporting can also run apart: arobust collect and arobust bridge.
            """,
        version: ProductVersion.text,
        subcommands: [
            AgentCommand.self, CollectCommand.self, BridgeCommand.self, TapCommand.self, PublishCommand.self,
            StatusCommand.self, AuditCommand.self, JournalCommand.self, DiagnoseCommand.self, RulesCommand.self,
            ConfigCommand.self,
        ]
    )

    public init() {}
}
