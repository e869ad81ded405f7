internal import Agent
internal import ArgumentParser
internal import Inspection
internal import SystemSupport

/// `arobust audit`
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Check that every envelope is accounted for by every consumer.",
        discussion: """
            For each consumer and lane, what was produced has to be what was delivered,
            skipped and lost, and what is pending. What is lost is shown; it is accounted
            for, so only --strict fails on it. A consumer that keeps no ledger is checked
            as far as its cursor goes. Where only a bridge has used the directory, whose
            publishers are elsewhere, there is nothing to compare with: what its ledgers
            say is shown.

              arobust audit --strict && echo 'nothing is lost'

            \(HelpText.settings)

            Exit status: 0 if it adds up, 1 if not or if it failed, 64 for a wrong flag
            or setting.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions

    @ArgumentParser.Flag(help: "Print an array of JSON, one element a state directory.")
    var json = false

    @ArgumentParser.Flag(help: "Fail also when something is lost.")
    var strict = false

    func run() async throws {
        let settings = try common.settings(directories.flags)
        try await CommandFailure.wrap {
            let current = await CurrentStatuses(
                of: try settings.publisherDirectories(), consumers: settings.consumersDirectory)
            let reports: [DirectoryReport<Audit>] =
                current.statuses.map { .publisher(Audit($0)) } + current.bridges.map { .bridge($0) }
            try StandardOutput.write(
                json
                    ? .json([InspectionJSON.text(reports)])
                    : .lines(Array(reports.map(lines).joined(separator: [""]))))
            if current.hasFailed || !reports.allSatisfy(isPassed) { throw ExitCode.failure }
        }
    }

    private func lines(_ report: DirectoryReport<Audit>) -> [String] {
        switch report {
        case .publisher(let audit): return AuditText(audit, isStrict: strict).lines
        case .bridge(let ledgers):
            let text = BridgeLedgersText(ledgers)
            return text.lines + [text.verdict(isStrict: strict)]
        }
    }

    private func isPassed(_ report: DirectoryReport<Audit>) -> Bool {
        switch report {
        case .publisher(let audit): audit.isPassed(isStrict: strict)
        case .bridge(let ledgers): !ledgers.isIncomplete && !(strict && ledgers.hasLosses)
        }
    }
}
