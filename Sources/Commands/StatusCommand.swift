internal import Agent
internal import ArgumentParser
internal import Diagnosis
internal import Inspection
internal import SystemSupport
internal import ZMQBridge

/// `arobust status`
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show publishers, their journals, and how far each consumer is.",
        discussion: """
            For each named consumer and lane: what was produced since it began, and what
            became of that; what is pending, its size and age; and what is gone before
            the consumer has noticed. A consumer that has said nothing for 10 seconds is
            SILENT. An ALARM is what agent, collect and bridge say of themselves. Works
            without a running publisher too, from the files.

              arobust status
              arobust status --json | jq '.[].consumers[].lanes'

            Where only a bridge has used the directory, whose publishers are elsewhere, it
            shows what that bridge's ledgers say of each master.

            --connect asks a publisher over the network (publisher.listen), which shows
            what it knows itself. With nats://host:port/STREAM it shows what a stream has,
            and how far the bridges are that read it.

            --check is for the health check of a container or a service: it prints
            nothing but what is wrong, a sentence each, to standard error.

              arobust status --check
              arobust status --check --only bridge

            \(HelpText.settings)

            Exit status: 0 if what should run runs, is heard and works; 1 if not, or if
            it failed; 64 for a wrong flag or setting. A master that is down is no
            problem of arobust: the journal holds what it has not got.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "Ask the publisher at this endpoint (tcp://host:port) in the place of a state directory's, or show a stream (nats://). May be given more than once.",
            valueName: "endpoint"))
    var connect: [String] = []

    @OptionGroup var keys: KeyOptions

    @ArgumentParser.Flag(help: "Print an array of JSON, one element a state directory.")
    var json = false

    @ArgumentParser.Flag(help: "Refresh it every 2 seconds.")
    var watch = false

    @ArgumentParser.Flag(help: "Print only what is wrong, and nothing if all is well.")
    var check = false

    @ArgumentParser.Option(
        help: "Whose health decides the exit status: collect, bridge or all (default: all).")
    var only: Health.Part = .all

    func validate() throws {
        if json, watch { throw ValidationError("--watch shows text; it can't be given with --json") }
        if check, json || watch {
            throw ValidationError("--check prints no status; it can't be given with --json or --watch")
        }
        if !connect.isEmpty, watch || !directories.stateDir.isEmpty {
            throw ValidationError(
                "--connect asks publishers elsewhere, once; it can't be given with --state-dir or --watch")
        }
        if watch, only != .all { throw ValidationError("--watch has no exit status that --only could decide") }
    }

    func run() async throws {
        let settings = try common.settings(
            directories.flags + keys.flags + [.several(\.connect, "--connect", connect)])
        try await CommandFailure.wrap {
            guard connect.isEmpty else { return try await look(settings) }
            let directories = try settings.publisherDirectories()
            if watch { return try await repeatText(directories, consumers: settings.consumersDirectory) }
            var (reports, isHealthy) = ([DirectoryReport<StatusReport>](), true)
            for directory in directories {
                let consumers = settings.consumersDirectory ?? directory.consumersDirectory
                let health = await Health(of: directory, consumers: consumers, part: only)
                let current = check ? nil : await Self.reports(of: [directory], consumers: consumers, health.problems)
                reports += current?.reports ?? []
                // Where there is no status, it has been said why.
                for problem in health.problems where current?.hasFailed != true {
                    StandardError.say("Error: \(problem)")
                }
                isHealthy = isHealthy && health.problems.isEmpty && current?.hasFailed != true
            }
            if !check {
                try StandardOutput.write(
                    json
                        ? .json([InspectionJSON.text(reports)]) : .lines(Self.lines(reports)))
            }
            if !isHealthy { throw ExitCode.failure }
        }
    }

    /// What `--connect` names: a stream, or publishers over the network.
    private func look(_ settings: AgentSettings) async throws {
        try await CommonOptions.withLogger(settings) { logger in
            guard let report = try await AgentServices(settings: settings, logger: logger).streamReport() else {
                return try await ask(settings.endpoints())
            }
            guard !check else { return }
            let text = StreamStatus(report: report)
            try StandardOutput.write(json ? .json([InspectionJSON.text(report)]) : .lines(text.lines))
        }
    }

    /// Asks publishers over the network, which say what they know themselves: the files beside them are not seen from here.
    private func ask(_ endpoints: [BusEndpoint]) async throws {
        var (reports, isHealthy) = ([DirectoryReport<StatusReport>](), true)
        for endpoint in endpoints {
            do {
                guard let status = try await PublisherCall(to: endpoint)?.status() else {
                    throw NoPublisherError(endpoints: [endpoint])
                }
                let problems = Health(status, part: only).problems
                reports.append(.publisher(StatusReport(status, telemetry: TelemetryFolder(), problems: problems)))
                for problem in problems { StandardError.say("Error: \(problem)") }
                isHealthy = isHealthy && problems.isEmpty
            } catch {
                StandardError.say("Error: \(error)")
                isHealthy = false
            }
        }
        if !check {
            try StandardOutput.write(json ? .json([InspectionJSON.text(reports)]) : .lines(Self.lines(reports)))
        }
        if !isHealthy { throw ExitCode.failure }
    }

    /// Ends when nobody reads any more.
    private func repeatText(_ directories: [StateDirectory], consumers: String?) async throws {
        while true {
            let lines = Self.lines(await Self.reports(of: directories, consumers: consumers, []).reports)
            try StandardOutput.clear()
            guard try StandardOutput.write(.lines(lines)) else { return }
            try await Task.sleep(for: .seconds(2))
        }
    }

    /// What publishers and the self-metrics beside them say; `hasFailed` when one of the publishers says nothing.
    private static func reports(
        of directories: [StateDirectory], consumers: String?, _ problems: [String]
    ) async -> (reports: [DirectoryReport<StatusReport>], hasFailed: Bool) {
        var (reports, hasFailed) = ([DirectoryReport<StatusReport>](), false)
        for directory in directories {
            let current = await CurrentStatuses(of: [directory], consumers: consumers)
            hasFailed = hasFailed || current.hasFailed
            let telemetry = TelemetryFolder(of: directory, now: WallClock.seconds())
            reports += current.statuses.map {
                .publisher(StatusReport($0, telemetry: telemetry, problems: problems))
            }
            reports += current.bridges.map { bridge in
                var bridge = bridge
                bridge.problems = problems
                return .bridge(bridge)
            }
        }
        return (reports, hasFailed)
    }

    private static func lines(_ reports: [DirectoryReport<StatusReport>]) -> [String] {
        let texts = reports.map { report in
            switch report {
            case .publisher(let report): StatusText(report.status, telemetry: report.telemetry).lines
            case .bridge(let ledgers): BridgeLedgersText(ledgers).lines
            }
        }
        return Array(texts.joined(separator: ["", ""]))
    }
}

/// What there is to say of a state directory.
enum DirectoryReport<Publisher: Encodable>: Encodable {
    case publisher(Publisher)
    /// Only a bridge has used it, whose publishers are elsewhere.
    case bridge(BridgeLedgers)

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .publisher(let report): try report.encode(to: encoder)
        case .bridge(let ledgers): try ledgers.encode(to: encoder)
        }
    }
}

extension Health.Part: ExpressibleByArgument {}

/// The statuses of several state directories.
struct CurrentStatuses {
    var statuses: [PublisherStatus] = []
    /// Of those that only a bridge has used.
    var bridges: [BridgeLedgers] = []
    /// Whether one of them has none.
    var hasFailed = false

    /// Asks for each one's; what went wrong with one is said, and the others are still shown.
    ///
    /// - Parameter consumers: the setting `consumers-dir`; `nil`: in each state directory.
    init(of directories: [StateDirectory], consumers: String?) async {
        for directory in directories {
            let consumers = consumers ?? directory.consumersDirectory
            do {
                try await StateDirectoryAccess.explaining(directory) {
                    if let bridge = try BridgeLedgers(of: directory, consumers: consumers) {
                        bridges.append(bridge)
                    } else {
                        statuses.append(try await .current(of: directory, consumers: consumers))
                    }
                }
            } catch {
                StandardError.say("Error: \(error)")
                hasFailed = true
            }
        }
    }
}
