internal import Agent
internal import ArgumentParser
internal import Hang
internal import Inspection
internal import ZMQBridge

/// `arobust dump`
struct DumpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Have the running agent record an incident now: evidence of every rank of the node.",
        discussion: """
            The agent collects Flight Recorders, stacks, the last log lines and the rest
            within incidents.budget, publishes each piece, and this prints what they come
            to. If an incident is under way, this waits for that one.

              arobust dump --reason 'loss is NaN on the dashboard'

            \(HelpText.settings)

            Exit status: 0 if it was recorded, 1 if not, 64 for a wrong flag or setting.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions

    @ArgumentParser.Option(help: ArgumentHelp("Why, for those who read it later.", valueName: "text"))
    var reason = "arobust dump"

    @ArgumentParser.Flag(help: "Print its id, and don't wait for its end.")
    var noWait = false

    func run() async throws {
        let settings = try common.settings(directories.flags)
        try await CommandFailure.wrap {
            let directory = try settings.stateDirectory()
            try await StateDirectoryAccess.explaining(directory) {
                let inspection = PublisherInspection(directory)
                guard let holder = try inspection.holder() else {
                    throw InspectionError(
                        .notThere, "nothing runs in \(directory.path) that could record one: start arobust agent")
                }
                guard let id = try await inspection.requestIncident(reason: reason) else {
                    throw InspectionError.silent(directory, holder: holder, obstacle: inspection.obstacle)
                }
                guard !noWait else {
                    try StandardOutput.write(.lines([id]))
                    return
                }
                // The agent keeps to its budget; it may have been killed.
                let deadline = ContinuousClock.now + settings.incidentBudget + .seconds(15)
                while true {
                    let journal = try StoredJournal(stateDirectory: directory.path)
                    if try journal.incidents().contains(where: { $0.incident.id == id && $0.incident.end != nil }) {
                        let incident = try journal.incident(id).incident
                        try StandardOutput.write(
                            .lines(["incident \(id)", ""] + HangText(HangAnswer(incident.evidence)).lines))
                        return
                    }
                    guard ContinuousClock.now < deadline else {
                        StandardError.say(
                            "Error: incident \(id) has no end yet; arobust incident show \(id) tells what there is")
                        throw ExitCode.failure
                    }
                    try await Task.sleep(for: .milliseconds(200))
                }
            }
        }
    }
}
