internal import ArgumentParser
internal import Inspection

/// `arobust journal ls`
struct JournalListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the lanes: what is there from where to where, how much, and of when.")

    @OptionGroup var options: JournalOptions

    @ArgumentParser.Flag(help: "List each file too.")
    var files = false

    @ArgumentParser.Flag(help: "Print JSON, with the files.")
    var json = false

    func run() async throws {
        try await options.withJournal { journal in
            let listing = journal.listing()
            try StandardOutput.write(json ? [InspectionJSON.text(listing)] : listing.lines(showsFiles: files))
        }
    }
}
