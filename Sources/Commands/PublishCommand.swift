internal import Agent
internal import ArgumentParser
private import ZMQBridge

/// `arobust publish`
struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publish metrics from standard input, one JSON a line.",
        discussion: """
            Hands them to the publisher (arobust agent or collect) of the state
            directory. data_type and data_content are needed; timestamp, node_id,
            node_type and node_rank are filled in by the publisher where they are
            missing.

              echo '{"data_type": "GENERIC", "data_content": "hi"}' | arobust publish

            A line that is refused is named on standard error with its number and the
            reason; the others go through.

            \(HelpText.settings)

            Exit status: 0 if all were taken, 1 if some were refused or the input could
            not be read, 2 if no publisher answered, 64 for a wrong flag or setting.
            """)

    @OptionGroup var common: CommonOptions

    @ArgumentParser.Option(
        help: "The publisher's state directory (default: /var/lib/arobust for root, $XDG_STATE_HOME/arobust otherwise)."
    )
    var stateDir: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "How long to wait for a publisher and its answer, for each block of lines.", valueName: "duration"))
    var timeout = "10s"

    func validate() throws {
        guard let duration = DurationText.read(timeout), duration > .zero, duration <= DurationText.longest else {
            throw ValidationError(
                "--timeout is '\(timeout)'; it must be a duration with a unit (500ms, 2s, 10m) from 1ms to 24h")
        }
    }

    func run() async throws {
        let settings = try common.settings([.several("state-dir", "--state-dir", stateDir)])
        let timeout = DurationText.read(timeout) ?? .seconds(10)
        try await CommandFailure.wrap {
            let directory = try settings.stateDirectory()
            let outcome = try await PinnedThread.run(name: "arobust-publish", onCancel: {}) {
                var publishing = try LinePublishing(directory: directory, timeout: timeout)
                return try publishing.run()
            }
            switch outcome {
            case .allTaken: break
            case .someRefused: throw ExitCode(1)
            case .noAnswer: throw ExitCode(2)
            }
        }
    }
}
