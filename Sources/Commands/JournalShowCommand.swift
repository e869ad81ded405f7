internal import ArgumentParser
internal import Diagnosis
internal import Inspection

/// `arobust journal show`
struct JournalShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one envelope: its header and its metric.",
        discussion: "Without --type, shows the one of each lane that has this sequence.")

    @OptionGroup var options: JournalOptions

    @ArgumentParser.Argument(help: "Its sequence.")
    var sequence: UInt64

    @ArgumentParser.Option(help: ArgumentHelp("Its data type.", valueName: "type"))
    var type: String?

    @ArgumentParser.Option(help: ArgumentHelp("Its epoch (default: the newest that has it).", valueName: "n"))
    var epoch: UInt64?

    @ArgumentParser.Flag(help: "Print JSON, one envelope a line.")
    var json = false

    func validate() throws {
        try JournalExportCommand.check([type].compactMap { $0 })
    }

    func run() async throws {
        try await options.withJournal { journal in
            let envelopes = try journal.envelopes(
                sequence: sequence, dataType: type.map { DiagnosisDataType(rawValue: $0) }, epoch: epoch)
            try StandardOutput.write(
                json ? envelopes.map { try $0.json() } : Array(envelopes.map(\.lines).joined(separator: [""])))
        }
    }
}
