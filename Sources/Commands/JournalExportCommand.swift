internal import ArgumentParser
internal import Diagnosis
internal import Inspection

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
        help: ArgumentHelp("Only what was collected since: \(MomentText.rule).", valueName: "time"))
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
                try StandardOutput.write($0)
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
            guard let moment = MomentText.read(since, now: WallClock.seconds()) else {
                throw ValidationError("--since is '\(since)'; it must be \(MomentText.rule)")
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
