internal import Agent
internal import ArgumentParser
internal import Diagnosis
private import Glibc
internal import Hang
internal import Inspection
internal import SystemSupport
internal import ZMQBridge

/// `arobust incident`
struct IncidentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "incident",
        abstract: "List, show and export the incidents that were recorded.",
        discussion: """
            Reads the journal in the state directory, beside a running publisher or
            alone. An incident that a kill has cut short is there as far as it got.

              arobust incident list
              arobust incident show
              arobust incident export incident.tar

            \(HelpText.settings)

            \(HelpText.status)
            """,
        subcommands: [IncidentListCommand.self, IncidentShowCommand.self, IncidentExportCommand.self])
}

/// `arobust incident list`
struct IncidentListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the incidents, the oldest first.")

    @OptionGroup var options: JournalOptions

    @ArgumentParser.Flag(help: "Print an array of JSON.")
    var json = false

    func run() async throws {
        try await options.withJournal { journal in
            let incidents = try journal.incidents()
            try StandardOutput.write(
                json
                    ? .json([JSONValue.array(incidents.map(\.json)).text ?? "[]"])
                    : .lines(StoredIncident.lines(of: incidents)))
        }
    }
}

/// `arobust incident show`
struct IncidentShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what an incident comes to, and what it is made of.")

    @OptionGroup var options: JournalOptions

    @ArgumentParser.Argument(help: "Its id (default: the newest).")
    var id: String?

    @ArgumentParser.Flag(help: "Print JSON, as arobust hang does.")
    var json = false

    func run() async throws {
        try await options.withJournal { journal in
            let stored = try journal.incident(id)
            let answer = HangAnswer(stored.incident.evidence)
            try StandardOutput.write(
                json
                    ? .json([answer.json.text ?? "{}"])
                    : .lines(stored.head + [""] + HangText(answer).lines + [""] + stored.pieceLines))
        }
    }
}

/// `arobust incident export`
struct IncidentExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write an incident's bundle: a folder, or a .tar.",
        discussion: """
            A new folder, or a file whose name ends in .tar. Each piece is a file in its
            own format; incident.json says what there is, and what is missing and why.
            arobust hang reads both.
            """)

    @OptionGroup var options: JournalOptions

    @ArgumentParser.Argument(help: ArgumentHelp("Where to.", valueName: "path"))
    var path: String

    @ArgumentParser.Option(help: ArgumentHelp("Which incident (default: the newest).", valueName: "id"))
    var id: String?

    func run() async throws {
        try await options.withJournal { journal in
            let stored = try journal.incident(id)
            let files = IncidentBundle.files(of: stored.incident)
            if path.hasSuffix(".tar") {
                let archive = TarArchive.write(files, under: stored.incident.id, time: stored.incident.begun)
                try WholeFile(path: path).replace(with: archive)
            } else {
                try IncidentFolder(path: path).write(files)
            }
            try StandardOutput.write(.lines(["\(path): incident \(stored.incident.id), \(files.count) files"]))
        }
    }
}
