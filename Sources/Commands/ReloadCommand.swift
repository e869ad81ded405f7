internal import Agent
internal import ArgumentParser
internal import Inspection
internal import SystemSupport
internal import ZMQBridge

/// `arobust reload`
struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have the running agent read its settings again, and say what came of it.",
        discussion: """
            The agent reads its settings file again, with the files that it names, and
            takes all of it, or nothing if something is wrong. Its flags and environment
            are those that it was started with. Only what is set otherwise is ended and
            begun; docs/operations.md says what waits for a restart.

              arobust reload

            Works with arobust agent and collect. A bridge by itself, and the others too,
            do the same at SIGHUP.

            \(HelpText.settings)

            Exit status: 0 if the settings are in force, but for what waits for a restart;
            1 if they are not, or not all of it could be done; 64 for a wrong flag.
            """)

    /// How long the ends of masters that were removed may take, and then some.
    private static let patience: Duration = .seconds(120)

    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions

    func run() async throws {
        try await CommandFailure.wrap {
            let directory = try place().stateDirectory()
            try await StateDirectoryAccess.explaining(directory) {
                let inspection = PublisherInspection(directory)
                guard let holder = try inspection.holder() else {
                    throw InspectionError(
                        .notThere,
                        "nothing runs in \(directory.path) that could read its settings again; an arobust bridge does it at SIGHUP"
                    )
                }
                guard let number = try await inspection.requestReload(),
                    let outcome = try await outcome(of: number, inspection)
                else { throw InspectionError.silent(directory, holder: holder, obstacle: inspection.obstacle) }
                try show(outcome)
            }
        }
    }

    /// Where the agent is. The settings file may be wrong: that is for the agent to say, who must hear of it.
    private func place() throws -> AgentSettings {
        let source = common.source(directories.flags)
        do throws(SettingsError) {
            return try source.load()
        } catch {
            return try source.withoutFile.load()
        }
    }

    private func outcome(of number: UInt64, _ inspection: PublisherInspection) async throws -> SettingsReload? {
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            guard let answer = try await inspection.reload(number) else { return nil }
            if let outcome = answer { return outcome }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw InspectionError(
            .notThere,
            "the reload takes longer than \(DurationText.write(Self.patience)); the agent's log says what came of it")
    }

    private func show(_ outcome: SettingsReload) throws {
        let sentence =
            switch outcome.outcome {
            case .applied: outcome.changes.isEmpty ? "Nothing to change." : "The settings are in force."
            case .partly: "The settings are in force, but not all of it could be done."
            case .refused: "The settings are refused; all stays as it was."
            }
        try StandardOutput.write(
            .lines(
                [sentence] + outcome.changes.map { "  \($0)" }
                    + (outcome.restart.isEmpty ? [] : ["Waits for a restart:"] + outcome.restart.map { "  \($0)" })))
        for error in outcome.errors { StandardError.say("Error: \(error)") }
        guard outcome.outcome == .applied else { throw ExitCode.failure }
    }
}
