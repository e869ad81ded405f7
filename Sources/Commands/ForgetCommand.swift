internal import Agent
internal import ArgumentParser
internal import Inspection
internal import ZMQBridge

/// `arobust forget`
struct ForgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Forget a named consumer, for which the journal keeps what it has not got.",
        discussion: """
            For consumers that are gone for good: arobust status shows their names, and
            what they hold back. The running publisher is asked; without one its ledger
            is changed. A consumer that still runs is back with its next commit. What a
            master's own files in the state directory say stays.

              arobust forget my-dashboard

            \(HelpText.settings)

            Exit status: 0 if it is forgotten, 1 if there is none of this name or it
            failed, 64 for a wrong flag or setting.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions

    @ArgumentParser.Argument(help: "The consumer's name, as status shows it.")
    var name: String

    func run() async throws {
        let settings = try common.settings(directories.flags)
        try await CommandFailure.wrap {
            let directory = try settings.stateDirectory()
            try await StateDirectoryAccess.explaining(directory) {
                let removal = ConsumerRemoval(
                    directory, consumers: settings.consumersDirectory ?? directory.consumersDirectory)
                try StandardOutput.write(.lines(await removal.forget(name)))
            }
        }
    }
}
