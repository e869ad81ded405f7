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
            let audits = current.statuses.map { Audit($0) }
            try StandardOutput.write(
                json
                    ? .json([
                        InspectionJSON.text(audits.map(AuditJSON.publisher) + current.bridges.map(AuditJSON.bridge))
                    ])
                    : .lines(Array((lines(audits) + lines(current.bridges)).joined(separator: [""]))))
            let isPassed =
                audits.allSatisfy { $0.isPassed(isStrict: strict) }
                && current.bridges.allSatisfy { !$0.isIncomplete && !(strict && $0.hasLosses) }
            if current.hasFailed || !isPassed { throw ExitCode.failure }
        }
    }

    private func lines(_ audits: [Audit]) -> [[String]] {
        audits.map { AuditText($0, isStrict: strict).lines }
    }

    private func lines(_ bridges: [BridgeLedgers]) -> [[String]] {
        bridges.map {
            let text = BridgeLedgersText($0)
            return text.lines + [text.verdict(isStrict: strict)]
        }
    }
}

/// An element of the JSON.
private enum AuditJSON: Encodable {
    case publisher(Audit)
    case bridge(BridgeLedgers)

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .publisher(let audit): try audit.encode(to: encoder)
        case .bridge(let ledgers): try ledgers.encode(to: encoder)
        }
    }
}
