internal import Agent
internal import ArgumentParser
internal import Logging
private import SystemSupport

/// The flags of all commands.
struct CommonOptions: ParsableArguments {
    @ArgumentParser.Option(help: "A YAML file of settings; environment and flags win over it. Also: AROBUST_CONFIG.")
    var config: String?

    @ArgumentParser.Option(
        help: "How much to log to standard error: trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    @ArgumentParser.Option(
        help: "How to log to standard error: text, or json, an object a line.")
    var logFormat: String?

    var flags: [SettingFlag] {
        [.one(\.logLevel, "--log-level", logLevel), .one(\.logFormat, "--log-format", logFormat)]
    }

    /// Puts the settings together; one that is wrong ends the command with the usage status.
    func settings(_ flags: [SettingFlag]) throws -> AgentSettings {
        do throws(SettingsError) {
            return try source(flags).load()
        } catch {
            throw CommandFailure.exit(error)
        }
    }

    /// Where the settings come from, for a process that reads them again.
    func source(_ flags: [SettingFlag]) -> SettingsSource {
        let environment = ProcessEnvironment.all()
        return SettingsSource(
            file: config ?? Self.file(environment), environment: environment, flags: self.flags + flags)
    }

    /// An empty variable counts as unset.
    private static func file(_ environment: [String: String]) -> String? {
        environment["AROBUST_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Runs the body with arobust's own log, which goes to standard error.
    ///
    /// - Parameter level: decides from which level on, in the place of the settings.
    static func withLogger(
        _ settings: AgentSettings, level: LogLevelSwitch? = nil, _ body: (Logger) async throws -> Void
    ) async throws {
        let budget = LogBudget()
        let output = output(settings.logFormat)
        let level = level ?? LogLevelSwitch(settings.logLevel)
        let logger = Logger(label: "arobust") { _ in
            SwitchedLogHandler(BudgetedLogHandler(output, budget: budget), level: level)
        }
        defer { budget.tellRest(to: output) }
        guard settings.logFormat == .json else { return try await body(logger) }
        do {
            try await body(logger)
        } catch let exit as ExitCode {
            throw exit
        } catch {
            // With text a sentence says it (CommandFailure); who reads JSON gets nothing else.
            logger.critical("\(error)")
            throw CommandFailure.status(of: error)
        }
    }

    private static func output(_ format: LogFormat) -> any LogHandler {
        let isJournal = JournalStream.isStandardError
        return switch format {
        case .json: JSONLogHandler(label: "arobust", hasPriority: isJournal)
        case .text:
            SafeLogHandler(isJournal ? JournalLogHandler() : StreamLogHandler.standardError(label: "arobust"))
        }
    }
}

/// The flag of the commands that run as services.
struct ServiceOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp(
            """
            Show /metrics, /healthz, /readyz and /status over HTTP at this address (127.0.0.1:9090 or unix:/path). Beyond \
            loopback it wants the setting http.token-file.
            """, valueName: "address"))
    var http: String?

    var flags: [SettingFlag] { [.one(\.http.listen, "--http", http)] }
}

/// The flags of the commands that report.
struct MasterOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp(
            """
            A master to report to: dlrover+grpc://host:port, dlrover+http://host:port, file:///path.ndjson or stdout:. \
            May be given more than once. Also: AROBUST_MASTERS, DLROVER_MASTER_ADDR.
            """, valueName: "url"))
    var master: [String] = []

    @ArgumentParser.Option(help: "The job's id, as a DLRover master knows it. Also: JOB_UID.")
    var jobUID: String?

    var flags: [SettingFlag] {
        [.masters("--master", master), .one(\.jobUID, "--job-uid", jobUID)]
    }
}

/// The flags of the commands that listen to publishers.
struct SourceOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp(
            "A publisher's state directory. May be given more than once (default: as for arobust agent).",
            valueName: "dir"))
    var stateDir: [String] = []

    static let connectHelp = ArgumentHelp(
        "A publisher's endpoint, ipc:///path or tcp://host:port, or a stream, nats://host:port/STREAM. May be given more than once.",
        valueName: "endpoint")

    @ArgumentParser.Option(help: connectHelp)
    var connect: [String] = []

    @OptionGroup var keys: KeyOptions

    var flags: [SettingFlag] {
        [.several(\.stateDirectory, "--state-dir", stateDir), .several(\.connect, "--connect", connect)] + keys.flags
    }
}

/// The flags of the commands that go to publishers over the network.
struct KeyOptions: ParsableArguments {
    // A key may begin with a hyphen.
    @ArgumentParser.Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "The public key of the publisher at tcp://, or a file that has it. Once for all, or once for each --connect.",
            valueName: "key"))
    var serverKey: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp("The file of one's own secret key for it: arobust keys new.", valueName: "path"))
    var key: String?

    var flags: [SettingFlag] {
        [.several(\.connectServerKey, "--server-key", serverKey), .one(\.connectKeyFile, "--key", key)]
    }
}

/// The flag of the commands that look into state directories.
struct StateDirectoryOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp("A publisher's state directory (default: as for arobust agent).", valueName: "dir"))
    var stateDir: [String] = []

    var flags: [SettingFlag] {
        [.several(\.stateDirectory, "--state-dir", stateDir)]
    }
}

extension ArgumentHelp {
    /// The help of a setting's flag, with the setting's default.
    ///
    /// - Parameters:
    ///   - text: without the full stop.
    ///   - also: the environment variable that DLRover has for it.
    static func setting<Value>(
        _ text: String, _ path: SettingPath<Value>, valueName: String? = nil, also variable: String? = nil
    ) -> ArgumentHelp {
        ArgumentHelp(
            "\(text) (default: \(SettingsCatalog.defaultText(of: path))).\(variable.map { " Also: \($0)." } ?? "")",
            valueName: valueName)
    }
}
