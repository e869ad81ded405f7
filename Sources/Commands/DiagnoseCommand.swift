internal import Agent
internal import ArgumentParser
internal import Diagnosis
internal import FailureDiagnosis
private import Glibc
internal import Logging
private import SystemSupport

/// `arobust diagnose`
struct DiagnoseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diagnose",
        abstract: "Say why a training failed, and what to do.",
        discussion: """
            Reads the logs from their ends, the launcher's report, and torch elastic's
            error files; the earliest root cause across the ranks decides. The action is
            DLRover's: restart_worker, relaunch_worker, job_abortion, event or no_action.
            Needs no agent. A log may be gzipped or in UTF-16, and come through a pipe. A
            file that can't be read is a note, and an error only if none can be.

              arobust diagnose --log train.log --restart-count 1
              kubectl logs worker-0 | arobust diagnose --log -
              arobust diagnose --log-dir /tmp/torchrun --failures @failures.json --json

            When a cause comes back on this node, a restart becomes a relaunch. Earlier
            failures are remembered in the state directory, if there is one.

            \(HelpText.settings)

            Exit status: 0 whatever the action, 64 for a wrong flag, setting or rule
            file, 66 if none of the files can be read; the action is then a guess.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions
    @OptionGroup var masters: MasterOptions
    @OptionGroup var rules: RuleOptions
    @OptionGroup var evidence: EvidenceOptions

    @ArgumentParser.Option(
        parsing: .unconditional,
        help: ArgumentHelp("How often the training has been restarted (default: 0).", valueName: "n"))
    var restartCount = 0

    @ArgumentParser.Option(
        parsing: .unconditional,
        help: .setting(
            "After this many restarts it is relaunched on another node", \.diagnosis.maxRestarts, valueName: "n"))
    var maxRestarts: String?

    @ArgumentParser.Option(
        help: .setting("How long the diagnosis may take", \.diagnosis.budget, valueName: "duration"))
    var budget: String?

    @ArgumentParser.Option(parsing: .unconditional, help: "The node's rank. Also: NODE_RANK.")
    var nodeRank: String?

    @ArgumentParser.Flag(help: "Report the failure to the DLRover masters (report_failures).")
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
            .one(\.diagnosis.kernelLog, "--kernel-log", evidence.kernelLog),
            .one(\.diagnosis.maxRestarts, "--max-restarts", maxRestarts),
            .one(\.diagnosis.budget, "--budget", budget),
            .one(\.diagnosis.reportFailures, "--report-failures", reportFailures ? "true" : nil),
            .one(\.node.rank, "--node-rank", nodeRank),
        ]
    }

    func run() async throws {
        let settings = try common.settings(flags)
        try await CommandFailure.wrap {
            try await CommonOptions.withLogger(settings) { try await diagnose(settings, logger: $0) }
        }
    }

    private func diagnose(_ settings: AgentSettings, logger: Logger) async throws {
        let diagnostician = try NodeDiagnostician(settings: settings, logger: logger)
        let reports = try MasterFailureReports(settings: settings, logger: logger)
        var failure = settings.trainingFailure()
        failure.restartCount = restartCount
        try evidence.add(to: &failure)
        let verdict = await diagnostician.diagnose(failure)
        try StandardOutput.write(
            json ? .json([verdict.json.text ?? "{}"]) : .lines(verdict.lines))
        _ = try await reports?.send(failure, verdict)
        if failure.isUnread(in: verdict) {
            StandardError.say("Error: none of the files could be read; the notes say why.")
            throw ExitCode(EX_NOINPUT)
        }
        // Within JSON a note is easily missed.
        for note in verdict.notes where json && note.hasPrefix("cannot ") { StandardError.say("Warning: \(note)") }
    }
}

/// The flags that name the files with a failure's evidence.
struct EvidenceOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp(
            """
            A log: of all ranks, or of the rank before an equals sign (3=rank3.log); - for standard input. May be given \
            more than once.
            """, valueName: "[rank=]file"))
    var log: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "The folder of torchrun --log-dir; its newest run's last attempt is read.", valueName: "dir"))
    var logDir: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "The file that torch elastic's record wrote for a rank. May be given more than once.",
            valueName: "[rank=]file"))
    var errorFile: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp("The output of dmesg or journalctl -k.", valueName: "file"))
    var kernelLog: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            """
            The launcher's report: a JSON object, DLRover's {"<rank>": {"exitcode": …}} or any other; @file, or - for \
            standard input.
            """, valueName: "json"))
    var failures: String?

    /// Adds the files of the flags; logs on the command line replace those of the settings.
    func add(to failure: inout TrainingFailure) throws {
        if !log.isEmpty || logDir != nil { failure.logs = log.map(Self.source) }
        failure.errorFiles += errorFile.map(Self.source)
        if let logDir {
            do throws(TorchrunLogsError) {
                let files = try TorchrunLogs(folder: logDir, nodeRank: failure.node.rank)
                failure.logs += files.logs
                failure.errorFiles += files.errorFiles
            } catch {
                let refusal = Self.refusal("--log-dir: \(error)")
                guard case .unreadable = error else { throw refusal }
                throw ExitCode(EX_NOINPUT)
            }
        }
        let inputs = (failure.logs + failure.errorFiles).map(\.path) + [failure.kernelLog, failures]
        if inputs.count(where: { $0 == "-" }) > 1 {
            throw Self.refusal("Standard input (-) is given more than once; it can be read only once.")
        }
        if let failures { failure.failures = try Self.object(failures) }
        PipedEvidence.read(&failure)
        guard
            failure.failures != nil || failure.kernelLog != nil || !failure.logs.isEmpty || !failure.errorFiles.isEmpty
        else {
            throw Self.refusal(
                "There is nothing to read; give --log, --log-dir, --error-file, --kernel-log or --failures.")
        }
    }

    private static func source(_ text: String) -> LogSource {
        let source = RankedPath(text)
        return LogSource(path: source.path, rank: source.rank)
    }

    private static func object(_ text: String) throws -> String {
        var json = text
        if text == "-" {
            json = String(decoding: try InputLines.whole(limit: 1 << 30), as: UTF8.self)
        } else if text.hasPrefix("@") {
            let path = String(text.dropFirst())
            do throws(SystemCallError) {
                json = String(decoding: try WholeFile(path: path).read(limit: .max), as: UTF8.self)
            } catch {
                throw refusal("--failures: \(error)")
            }
        }
        json = String(ByteOrderMark.dropped(from: json))
        do throws(JSONShape.Problem) {
            try JSONShape.check(Array(json.utf8)[...])
        } catch {
            throw refusal("--failures: \(error)")
        }
        guard JSONValue.object(json) != nil else {
            throw refusal(
                """
                --failures is '\(json.prefix(80))'; it must be a JSON object, such as {"error": "text"} or \
                {"0": {"exitcode": -9}}
                """)
        }
        return json
    }

    private static func refusal(_ text: String) -> ExitCode {
        StandardError.say("Error: \(text)")
        return .validationFailure
    }
}
