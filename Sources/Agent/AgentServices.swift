internal import Collectors
internal import CoreMetrics
internal import DLRoverListener
internal import Delivery
public import Diagnosis
public import Logging
internal import Hang
internal import Inspection
internal import MasterClients
internal import Redaction
internal import ServiceLifecycle
internal import SystemSupport
internal import Telemetry
internal import TrainingProgress
internal import ZMQBridge

/// What runs in a process: publisher, bridge, ingest and collectors, put together from the settings.
///
/// The order of the services is the order of their start; they stop in reverse, each when the one after it has ended. So the collectors
/// end first, the bridge then takes and delivers the rest, and the publisher ends after it. What makes the services is apart from what
/// runs them, so that a test can look at them and run them without signals.
public struct AgentServices: Sendable {
    /// What reading the settings again needs.
    package struct Reloading: Sendable {
        let source: SettingsSource
        let level: LogLevelSwitch

        /// - Parameter level: that of the logger.
        package init(source: SettingsSource, level: LogLevelSwitch) {
            self.source = source
            self.level = level
        }
    }

    let settings: AgentSettings
    let logger: Logger
    let reloading: Reloading?

    /// Opens nothing yet: each `run` makes what it runs.
    public init(settings: AgentSettings, logger: Logger) {
        self.init(settings: settings, logger: logger, reloading: nil)
    }

    /// - Parameter reloading: `nil`: the settings are not read again, and SIGHUP ends the process.
    package init(settings: AgentSettings, logger: Logger, reloading: Reloading?) {
        self.settings = settings
        self.logger = logger
        self.reloading = reloading
    }

    /// `arobust agent`: all in one process. Returns after SIGTERM or SIGINT.
    public func runAgent() async throws {
        try check(for: .agent)
        try await run(agentServices())
    }

    /// `arobust collect`: collectors and publisher.
    public func runCollect() async throws {
        try check(for: .collect)
        try await run(collectServices())
    }

    /// `arobust bridge`: subscribers and reporters.
    public func runBridge() async throws {
        try check(for: .bridge)
        try await run(bridgeServices())
    }

    /// `arobust tap`: a subscriber alone. Returns when the receiver wants no more, nobody reads standard output any more, or after
    /// SIGTERM or SIGINT.
    ///
    /// - Parameters:
    ///   - patience: how long to wait for a publisher; `nil`: for ever.
    ///   - waiting: called once when none has answered for a second, if the patience is longer than two.
    /// - Throws: `NoPublisherError` after that.
    public func runTap(
        dataTypes: Set<DiagnosisDataType>, receiver: any EnvelopeReceiver, patience: Duration? = nil,
        waiting: @escaping @Sendable (NoPublisherError) -> Void = { _ in }
    ) async throws {
        for directory in try settings.readDirectories() { try directory.checkVersion() }
        let configuration = SubscriberConfiguration(endpoints: try settings.endpoints(), dataTypes: dataTypes)
        let subscriber = try MetricSubscriber(configuration: configuration, logger: logger)
        let waiter = PublisherWaiting(subscriber: subscriber, patience: patience, waiting: waiting)
        let service = CancelledService("tap") {
            try await waiter.guarding {
                try await withThrowingTaskGroup { parts in
                    parts.addTask { try await subscriber.run(receiver) }
                    // While nothing comes, no write would tell.
                    parts.addTask { await OutputReader.waitUntilGone() }
                    try await parts.next()
                    parts.cancelAll()
                    try await parts.waitForAll()
                }
            }
        }
        try await run([service], endsWithItsReader: true)
    }

    /// Looks at everything that the start needs, before anything is made.
    ///
    /// - Throws: what would end the start; of several the first, after the others are logged.
    private func check(for purpose: SettingsCheck.Purpose) throws {
        let check = SettingsCheck(settings, for: purpose)
        for warning in check.warnings { logger.warning("\(warning)") }
        guard let first = check.errors.first else { return }
        for error in check.errors.dropFirst() { logger.error("\(error)") }
        throw first
    }

    func run(_ services: [any Service], endsWithItsReader: Bool = false) async throws {
        let reloader = services.lazy.compactMap { $0 as? SettingsReloader }.first
        let lifetime = ProcessLifetime(
            deadline: settings.shutdownDeadline, endsWithItsReader: endsWithItsReader,
            reload: reloader.map { reloader in { @Sendable in _ = reloader.request() } }, logger: logger)
        let report = NotifySocket(environment: ProcessEnvironment.all()).map { socket in
            ServiceReport(
                to: socket, of: services, stopTime: lifetime.longestEnd, whenReady: { reloader?.tell(socket) },
                logger: logger)
        }
        try await lifetime.run(services + (report.map { [$0] } ?? []))
    }

    // MARK: the services of a command

    func agentServices() async throws -> [any Service] {
        let registry = registry(of: "agent")
        let publisher = try await makePublisher(for: settings.masters(), factory: registry)
        return try await publishing(as: "agent", publisher, registry) { incidents in
            try makeBridge(
                from: .bus([BusEndpoint(within: publisher)]), requestBeat: { publisher.beat() }, observer: incidents)
        }
    }

    func collectServices() async throws -> [any Service] {
        let registry = registry(of: "collect")
        return try await publishing(as: "collect", makePublisher(for: [], factory: registry), registry) { _ in nil }
    }

    func bridgeServices() throws -> [any Service] {
        let registry = registry(of: "bridge")
        let bridge = try makeBridge(from: settings.bridgeInput(), requestBeat: nil, observer: nil)
        let monitor = try monitor(of: bridge.agent, registry)
        return monitor.server + [bridge.agent] + makeReloader(for: .bridge, of: [bridge.part], factory: registry)
            + monitor.end
    }

    /// The self-metrics of a command.
    private func registry(of command: String) -> TelemetryRegistry {
        TelemetryRegistry(labels: [("command", command)], operatorLabels: settings.telemetryLabels)
    }

    /// A publisher and all that publishes through it, with consumers between the two.
    private func publishing(
        as command: String, _ publisher: MetricPublisher, _ registry: TelemetryRegistry,
        to consumer: (IncidentRecorder) throws -> RunningBridge?
    ) async throws -> [any Service] {
        let ingest = try publisher.makeIngestServer(node: settings.node, logger: logger)
        let first: [any Service] = [
            telemetry(of: command, registry, beside: publisher)
        ]
        let monitor = try monitor(of: publisher, registry, part: command == "collect" ? .collect : .all)
        let collecting = try makeCollecting(for: publisher, factory: registry)
        let bridge = try consumer(collecting.incidents)
        let listener = try ListenerHost(of: settings, logger: logger) { settings in
            try with(settings).makeListener(for: publisher, factory: registry)
        }
        var parts: [any ReloadablePart] = [publisherPart(publisher, reports: bridge != nil), collecting.part]
        var services: [any Service] = watchParent() + first + monitor.server
        services.append(PublisherService(publisher, logger: logger))
        if let bridge {
            services.append(bridge.agent)
            parts.append(bridge.part)
        }
        services.append(CancelledService("ingest", parts: [ingest.workingPart]) { try await ingest.run() })
        if let listener {
            services.append(listener)
            parts.append(listener)
        }
        return services + collecting.services
            + makeReloader(
                for: command == "collect" ? .collect : .agent, of: parts, publisher: publisher, factory: registry)
            + monitor.end
    }

    // MARK: parts

    private func watchParent() -> [any Service] {
        settings.parentPID.map { [ParentWatch(parent: $0, logger: logger)] } ?? []
    }

    private func telemetry(
        of command: String, _ registry: TelemetryRegistry, beside publisher: MetricPublisher
    ) -> any Service {
        let file = TelemetryFile(
            path: TelemetryFile.path(of: command, in: publisher.directory.path), copy: settings.telemetryCopy,
            registry: registry, logger: logger)
        return CancelledService("telemetry") { await file.run() }
    }

    /// - Parameter masters: those that this process reports to itself.
    private func makePublisher(
        for masters: [MasterSettings], factory: any MetricsFactory
    ) async throws -> MetricPublisher {
        var configuration = settings.publisher
        let rules = try settings.redactionRules()
        if !rules.isEmpty {
            let redactor = Redactor(rules, factory: factory)
            configuration.redact = { redactor.redacted($0, position: $1) }
        }
        configuration.masters = masters.map { "\($0.url)" }
        configuration.network = try settings.networkBus()
        return try await MetricPublisher.open(
            in: settings.stateDirectory(), configuration: configuration, logger: logger)
    }

    func makeListener(for publisher: MetricPublisher, factory: any MetricsFactory) throws -> [any Service] {
        let addresses = try settings.listenAddresses()
        guard !addresses.isEmpty else { return [] }
        let master = try settings.masters().first { $0.url.isDLRover }
        let connections = try DescriptorLimit.current.listenerConnections(
            masters: settings.masters().count + settings.mastersForMonitor)
        let listener = try DLRoverListener(
            addresses: addresses, callers: settings.listenAllow(), connectionLimit: connections, publisher: publisher,
            node: settings.node, master: master?.url,
            options: try master?.clientOptions() ?? MasterClientOptions(), logger: logger, factory: factory)
        let listening = WorkingPart("the listener for DLRover's clients", .once)
        return [
            CancelledService("listener", parts: [listening]) { try await listener.run { _ in listening.turn() } }
        ]
    }
}
