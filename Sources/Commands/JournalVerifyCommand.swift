internal import ArgumentParser
internal import Inspection

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
            try StandardOutput.write(json ? [InspectionJSON.text(check)] : check.lines)
            if !check.isWhole { throw ExitCode.failure }
        }
    }
}
