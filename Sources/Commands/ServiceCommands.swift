internal import Agent
internal import ArgumentParser

/// `arobust agent`
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Collect, publish and report, in one process.",
        discussion: """
            Follows training logs, scrapes XPUTimer's metrics and dumps stacks;
            publishes all of it on the bus in the state directory; reports it to each
            master at that master's pace.

              arobust agent --log-file train.log --xpu-timer-port 18889 \\
                --stack-ranks --master dlrover+grpc://10.0.0.1:50001

            SIGTERM or SIGINT ends it after sending what it holds, a second one at once.

            \(HelpText.masters)

            \(HelpText.settings)

            \(HelpText.serviceStatus)
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var service: ServiceOptions
    @OptionGroup var collect: CollectOptions
    @OptionGroup var masters: MasterOptions

    func run() async throws {
        try await common.runServices(service.flags + collect.flags + masters.flags) { try await $0.runAgent() }
    }
}

/// `arobust collect`
struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Collect and publish; report to nobody.",
        discussion: """
            The first half of an agent. arobust bridge with the same state directory,
            also one started later, is the second; arobust tap shows what is collected.

              arobust collect --log-file train.log --stack-ranks --stack-interval 5m

            SIGTERM or SIGINT ends it after a last look at the logs, a second one at
            once.

            \(HelpText.settings)

            \(HelpText.serviceStatus)
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var service: ServiceOptions
    @OptionGroup var collect: CollectOptions

    func run() async throws {
        try await common.runServices(service.flags + collect.flags) { try await $0.runCollect() }
    }
}

/// `arobust bridge`
struct BridgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bridge",
        abstract: "Report what publishers publish to each of several masters.",
        discussion: """
            The second half of an agent: subscribes to the bus of one or several
            publishers (arobust agent or collect) and waits for those that are not there
            yet.

              arobust bridge --master dlrover+grpc://10.0.0.1:50001 \\
                --master file:///var/log/diagnosis.ndjson

            With --from it reads a stream of NATS JetStream, into which agents report with
            --master nats://…; several bridges with the same master share its nodes.

            SIGTERM or SIGINT ends it after sending what it holds, a second one at once.

            \(HelpText.masters)

            \(HelpText.settings)

            \(HelpText.serviceStatus)
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var service: ServiceOptions
    @OptionGroup var sources: SourceOptions
    @OptionGroup var masters: MasterOptions

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "The same as --connect, for a stream: nats://host:port[,host:port]/STREAM.", valueName: "url"))
    var from: String?

    func run() async throws {
        var sources = sources
        if let from { sources.connect.append(from) }
        try await common.runServices(service.flags + sources.flags + masters.flags) { try await $0.runBridge() }
    }
}

extension CommonOptions {
    /// Runs the services of a command with its settings, which they read again when they are told to.
    fileprivate func runServices(
        _ flags: [SettingFlag], _ run: (AgentServices) async throws -> Void
    ) async throws {
        let settings = try settings(flags)
        let level = LogLevelSwitch(settings.logLevel)
        let reloading = AgentServices.Reloading(source: source(flags), level: level)
        try await CommandFailure.wrap {
            try await Self.withLogger(settings, level: level) {
                try await run(AgentServices(settings: settings, logger: $0, reloading: reloading))
            }
        }
    }
}
