internal import Agent
internal import ArgumentParser
internal import Console
internal import ConsoleListener
internal import ConsoleStore
internal import Diagnosis
internal import Logging
internal import ServiceLifecycle
internal import SystemSupport
internal import Telemetry
internal import TransportSecurity

/// `arobust console`
struct ConsoleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console",
        abstract: "A master with a page: keep what nodes report, and show it.",
        discussion: """
            Takes what agents report with --master arobust://host:50052, and what
            DLRover's clients report to the same address, keeps it in one directory, and
            shows all ranks of the job on a page: what is wrong now, logs, metrics, stacks,
            incidents, failures, and what did not arrive.

              arobust console --store /var/lib/arobust-console

            then, on each node,

              arobust agent --log-file train.log --master arobust://console-host:50052

            On one machine it needs no network: with --state-dir it reads an agent's
            journal. With --connect nats://host:4222/STREAM it reads what agents report to a
            stream of NATS JetStream. Beyond loopback it wants a token: --token-file here, the setting
            delivery.token-file at the agents. With --tls-certificate-file and --tls-key-file
            all is over TLS, and agents report with --master arobusts://host:50052.

            SIGTERM or SIGINT ends it, a second one at once.

            \(HelpText.serviceStatus)
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var options: ConsoleFlags

    func run() async throws {
        var flags: [SettingFlag] = []
        // Where it only listens, no state directory is needed.
        if !options.stateDir.isEmpty { flags.append(.several(\.stateDirectory, "--state-dir", options.stateDir)) }
        if !options.connect.isEmpty {
            flags += [.several(\.connect, "--connect", options.connect)] + options.keys.flags
            // What it has read so far stands beside what it made of it.
            flags.append(.one(\.consumersDirectory, "--store", options.store + "/consumers"))
        }
        if let job = options.jobUID { flags.append(.one(\.jobUID, "--job-uid", job)) }
        let settings = try common.settings(flags)
        try await CommandFailure.wrap {
            let checked: ConsoleChoice
            do {
                checked = try ConsoleChoice(options)
            } catch {
                StandardError.say("Error: \(error)")
                throw ExitCode.validationFailure
            }
            try await CommonOptions.withLogger(settings) { logger in try await run(checked, settings, logger) }
        }
    }

    private func run(_ choice: ConsoleChoice, _ settings: AgentSettings, _ logger: Logger) async throws {
        DescriptorLimit.raise()
        let reportSecurity = try choice.security.map {
            try ServerSecurity(files: $0.reports, protocols: ["h2"], logger: logger)
        }
        let pageSecurity = try choice.security.map {
            try ServerSecurity(files: $0.page, protocols: ["http/1.1"], logger: logger)
        }
        let store = try ConsoleStore(directory: choice.store, options: choice.storeOptions, logger: logger)
        let intake = StoreIntake(store: store)
        let registry = TelemetryRegistry(labels: [("command", "console")])
        var services: [any Service] = [StoreService(store: store)]
        let server = try ConsoleServer(
            store: store, options: choice.web, security: pageSecurity, logger: logger,
            onListening: { host, port in
                let address = ConsoleAddress(host: host, port: port).authority
                let scheme = pageSecurity == nil ? "http" : "https"
                logger.info("Console at \(scheme)://\(address)/", metadata: ["store": "\(choice.store)"])
            }, otherMetrics: { registry.text() })
        services.append(server)
        if let address = choice.listen {
            let listener = try ConsoleListener(
                address: address, token: choice.token, security: reportSecurity, intake: intake,
                connectionLimit: DescriptorLimit.current.listenerConnections(masters: 1), factory: registry,
                logger: logger)
            let listening = WorkingPart("what takes the nodes' reports", .once)
            services.append(
                CancelledService("console-listener", parts: [listening]) {
                    try await listener.run { _ in listening.turn() }
                })
        }
        let readsNothing = options.stateDir.isEmpty && options.connect.isEmpty
        let reporter = readsNothing ? nil : LocalReporter(intake: intake)
        try await AgentServices(settings: settings, logger: logger).runConsole(
            services, named: "console:\(choice.store)", from: reporter)
    }
}

/// Closes the store when everything that uses it has ended.
private struct StoreService: Service {
    let store: ConsoleStore

    func run() async throws {
        try? await gracefulShutdown()
        await store.close()
    }
}
