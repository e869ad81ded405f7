internal import Agent
internal import ArgumentParser
internal import Diagnosis
internal import FailureDiagnosis

/// `arobust diagnose`
struct DiagnoseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diagnose",
        abstract: "Say what a training failed of, and what to do.",
        discussion: """
            Reads the logs from their ends, what the launcher says, and torch elastic's
            error files; the first root cause in time across the ranks decides. The
            action is DLRover's: restart_worker, relaunch_worker, job_abortion, event or
            no_action. Needs no agent. A file that can't be read is a note, no error.

              arobust diagnose --log train.log --restart-count 1
              arobust diagnose --log-dir /tmp/torchrun --failures @failures.json --json

            A cause that comes back on this node becomes a relaunch; what failed before
            is remembered in the state directory, if there is one.

            \(HelpText.settings)

            Exit status: 0 whatever the action, 64 for a wrong flag, setting or rule
            file.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions
    @OptionGroup var masters: MasterOptions
    @OptionGroup var rules: RuleOptions
    @OptionGroup var evidence: EvidenceOptions

    @ArgumentParser.Option(
        help: ArgumentHelp("How often the training has been started again (default: 0).", valueName: "n"))
    var restartCount = 0

    @ArgumentParser.Option(
        help: ArgumentHelp("After so many restarts it is relaunched on another node (default: 3).", valueName: "n"))
    var maxRestarts: String?

    @ArgumentParser.Option(
        help: ArgumentHelp("How long the diagnosis may take (default: 2s).", valueName: "duration"))
    var budget: String?

    @ArgumentParser.Option(help: "The node's rank. Also: NODE_RANK.")
    var nodeRank: String?

    @ArgumentParser.Flag(help: "Tell the DLRover masters of the failure (report_failures).")
    var reportFailures = false

    @ArgumentParser.Flag(help: "Print DLRover's action as JSON, with the evidence.")
    var json = false

    func validate() throws {
        guard restartCount >= 0 else {
            throw ValidationError("--restart-count is \(restartCount); it must be at least 0")
        }
    }

    private var flags: [SettingFlag] {
        directories.flags + masters.flags + rules.flags + [
            .one("diagnosis.kernel-log", "--kernel-log", evidence.kernelLog),
            .one("diagnosis.max-restarts", "--max-restarts", maxRestarts),
            .one("diagnosis.budget", "--budget", budget),
            .one("diagnosis.report-failures", "--report-failures", reportFailures ? "true" : nil),
            .one("node.rank", "--node-rank", nodeRank),
        ]
    }

    func run() async throws {
        let settings = try common.settings(flags)
        let logger = CommonOptions.logger(settings)
        try await CommandFailure.wrap {
            let diagnostician = try NodeDiagnostician(settings: settings, logger: logger)
            let reports = try MasterFailureReports(settings: settings, logger: logger)
            var failure = settings.trainingFailure()
            failure.restartCount = restartCount
            try evidence.add(to: &failure)
            let verdict = await diagnostician.diagnose(failure)
            try StandardOutput.write(json ? [verdict.json.text ?? "{}"] : verdict.lines)
            _ = try await reports?.send(failure, verdict)
        }
    }
}
