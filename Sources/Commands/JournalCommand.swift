internal import Agent
internal import ArgumentParser
internal import Diagnosis
internal import Inspection
internal import SystemSupport
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

/// The flags that all its commands share, and the journal that they choose.
struct JournalOptions: ParsableArguments {
    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions

    /// Opens the journal; an error ends the command.
    func withJournal(_ body: (StoredJournal) throws -> Void) async throws {
        let settings = try common.settings(directories.flags)
        try await CommandFailure.wrap {
            let directory = try settings.stateDirectory()
            try await StateDirectoryAccess.explaining(directory) {
                try directory.checkForClients()
                try body(StoredJournal(stateDirectory: directory.path))
            }
        }
    }
}

/// `arobust journal ls`
struct JournalListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the lanes: their positions, sizes and times.")

    @OptionGroup var options: JournalOptions

    @ArgumentParser.Flag(help: "List each file too.")
    var files = false

    @ArgumentParser.Flag(help: "Print JSON, with the files.")
    var json = false

    func run() async throws {
        try await options.withJournal { journal in
            let listing = journal.listing()
            try StandardOutput.write(
                json ? .json([InspectionJSON.text(listing)]) : .lines(listing.lines(showsFiles: files)))
        }
    }
}

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
                json
                    ? .publishedJSON(envelopes.map { try $0.json() })
                    : .publishedLines(Array(envelopes.map(\.lines).joined(separator: [""]))))
        }
    }
}

/// `arobust journal export`
struct JournalExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print metrics as JSON, one a line, as a file: master has them.",
        discussion: """
            Lane by lane, each in order. What is missing is said on standard error; if
            something was damaged, the status is 1 after the rest.
            """)

    @OptionGroup var options: JournalOptions

    @ArgumentParser.Option(
        help: ArgumentHelp("Only this data type. May be given more than once.", valueName: "type"))
    var type: [String] = []

    @ArgumentParser.Option(help: ArgumentHelp("The first: \(PositionText.rule).", valueName: "position"))
    var from: String?

    @ArgumentParser.Option(help: ArgumentHelp("The last: \(PositionText.rule).", valueName: "position"))
    var to: String?

    @ArgumentParser.Option(
        help: ArgumentHelp("Only what was collected since: \(TimeText.rule).", valueName: "time"))
    var since: String?

    /// Refuses names that no data type can have.
    static func check(_ types: [String]) throws {
        for name in types where !DiagnosisDataType(rawValue: name).isValid {
            throw ValidationError("--type is '\(name)'; it must be \(TopicWord.rule)")
        }
    }

    func validate() throws {
        try Self.check(type)
        _ = try selection()
    }

    func run() async throws {
        let selection = try selection()
        try await options.withJournal { journal in
            let isWhole = try journal.export(selection) {
                try StandardOutput.write(json: $0)
            } remark: {
                StandardError.say("-- \($0)")
            }
            if !isWhole { throw ExitCode.failure }
        }
    }

    private func selection() throws -> ExportSelection {
        var selection = ExportSelection()
        selection.dataTypes = Set(type.map { DiagnosisDataType(rawValue: $0) })
        selection.from = try Self.position("--from", from)
        selection.to = try Self.position("--to", to)
        if let since {
            guard let moment = TimeText.read(since, now: WallClock.seconds()) else {
                throw ValidationError("--since is '\(since)'; it must be \(TimeText.rule)")
            }
            selection.since = moment
        }
        return selection
    }

    private static func position(_ flag: String, _ text: String?) throws -> LanePosition? {
        guard let text else { return nil }
        guard let position = PositionText.read(text) else {
            throw ValidationError("\(flag) is '\(text)'; it must be \(PositionText.rule)")
        }
        return position
    }
}

/// `arobust journal verify`
struct JournalVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Read everything and check it; status 1 if something is damaged.",
        discussion: """
            Checks all checksums, that each record holds envelopes, and that their bodies
            are metrics. A write that is under way, or that a crash cut short, is no
            damage.
            """)

    @OptionGroup var options: JournalOptions

    @ArgumentParser.Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await options.withJournal { journal in
            let check = try journal.check()
            try StandardOutput.write(json ? .json([InspectionJSON.text(check)]) : .lines(check.lines))
            if !check.isWhole { throw ExitCode.failure }
        }
    }
}
