internal import Agent
package import ArgumentParser

/// `arobust`: the root of all commands.
package struct ArobustCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "arobust",
        abstract: "Collects training diagnosis data on a node, publishes it on a local bus, and reports it to masters.",
        discussion: """
            A node needs one agent:

              arobust agent --log-file train.log --stack-ranks --master host:50001

            Watch the bus while it runs:

              arobust tap

            Publish a metric:

              echo '{"data_type": "GENERIC", "data_content": "hi"}' | arobust publish

            See how far each master is, and check that nothing is missing:

              arobust status
              arobust audit

            Watch all of that in a terminal:

              arobust top

            After a crash, ask what it was and what to do:

              arobust diagnose --log train.log --restart-count 1

            When it hangs, ask which rank it waits for:

              arobust hang

            Look at all ranks of the job on a page:

              arobust console --store DIR

            Collecting and reporting can also run apart: arobust collect and arobust bridge.
            """,
        version: BuildText.version,
        subcommands: [
            AgentCommand.self, CollectCommand.self, BridgeCommand.self, TapCommand.self, PublishCommand.self,
            StatusCommand.self, AuditCommand.self, ReloadCommand.self, ForgetCommand.self, KeysCommand.self,
            JournalCommand.self,
            DiagnoseCommand.self,
            ConsoleCommand.self, HangCommand.self, DumpCommand.self, IncidentCommand.self, RulesCommand.self,
            ConfigCommand.self, SupportBundleCommand.self, TopCommand.self,
        ]
    )

    package init() {}
}

/// Paragraphs that the help texts of several commands share. Lines of up to 78 characters stay as they are on a terminal of 80.
enum HelpText {
    static let masters = """
        Without --master, and none in AROBUST_MASTERS or the settings file, the
        master is the one in DLROVER_MASTER_ADDR. If that is not set either, there
        is a warning, and nothing is reported.

        Masters: host:port or dlrover+grpc://host:port and dlrover+http://host:port,
        arobust://host:port for a console, nats://host:port,host:port/STREAM for a
        stream of NATS JetStream, otlp+http://host:4318 and otlp+grpc://host:4317 for
        receivers of OTLP, file:///path and stdout:. Over TLS: dlrover+grpcs,
        dlrover+https, arobusts, natss, otlp+https, otlp+grpcs. docs/masters.md
        describes them.
        """

    static let settings = """
        The default state directory is /var/lib/arobust for root, else
        $XDG_STATE_HOME/arobust, else ~/.local/state/arobust. docs/settings.md
        describes the settings file; arobust config show lists all settings.
        """

    static let status = """
        Exit status: 0 when it ended normally, 1 if it failed, 64 for a wrong flag or
        setting.
        """

    static let serviceStatus = """
        SIGHUP has it read its settings again, as arobust reload does; one that comes
        with the end of its terminal ends it, unless nohup has started it.

        Exit status: 0 after SIGTERM or SIGINT, 129 after its terminal's end, 1 if it
        failed, 64 for a wrong flag or setting.
        """
}

/// Ends a command with a sentence: status 64 (`EX_USAGE`) for a wrong setting, as for a wrong flag, and 1 for anything else.
enum CommandFailure {
    static func wrap(_ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch let error as SettingsError {
            throw exit(error)
        } catch let exit as ExitCode {
            throw exit
        } catch let error as HangUpError {
            StandardError.say("Error: \(error)")
            throw ExitCode(HangUpError.status)
        } catch {
            StandardError.say("Error: \(error)")
            throw ExitCode.failure
        }
    }

    /// What the command ends with after an error of its work.
    static func status(of error: any Error) -> ExitCode {
        switch error {
        case is SettingsError: .validationFailure
        case is HangUpError: ExitCode(HangUpError.status)
        default: .failure
        }
    }

    /// Says what is wrong with a setting. The usage is not shown, since the setting may come from a file or a variable.
    static func exit(_ error: SettingsError) -> ExitCode {
        StandardError.say("Error: \(error)")
        return .validationFailure
    }
}
