internal import Agent
internal import ArgumentParser
internal import Inspection
internal import ZMQBridge

/// `arobust journal`
struct JournalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "Look into a publisher's journal.",
        discussion: """
            Reads the journal in the state directory, beside a running publisher or
            alone, and changes nothing in it.

              arobust journal ls
              arobust journal show 12 --type TRAINING_LOG
              arobust journal verify
              arobust journal export --since 1h > metrics.ndjson

            \(HelpText.settings)

            \(HelpText.status)
            """,
        subcommands: [
            JournalListCommand.self, JournalShowCommand.self, JournalVerifyCommand.self, JournalExportCommand.self,
        ])
}

/// The flags of all its commands, and the journal that they mean.
struct JournalOptions: ParsableArguments {
    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions

    /// Opens the one journal; what is wrong ends the command.
    func withJournal(_ body: (StoredJournal) throws -> Void) async throws {
        let settings = try common.settings(directories.flags)
        try await CommandFailure.wrap {
            try body(StoredJournal(stateDirectory: settings.stateDirectory().path))
        }
    }
}
