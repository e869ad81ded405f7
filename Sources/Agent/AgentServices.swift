internal import Collectors
public import Diagnosis
public import Logging
internal import MasterClients
internal import ServiceLifecycle
public import ZMQBridge

/// What runs in a process: publisher, bridge, ingest and collectors, put together from the settings.
///
/// The order of the services is the order of their start; they stop in reverse, each after the next has ended. So the collectors end
/// first, the bridge then takes and delivers the rest, and the publisher goes last.
public struct AgentServices: Sendable {
    private let settings: AgentSettings
    private let logger: Logger

    public init(settings: AgentSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// `arobust agent`: all in one process. Returns after SIGTERM or SIGINT.
    public func runAgent() async throws {
        let publisher = try await makePublisher()
        let subscriber = try MetricSubscriber(
            configuration: SubscriberConfiguration(endpoints: [BusEndpoint(publisher.directory)]), logger: logger)
        let bridge = try makeBridge(subscriber, requestBeat: { publisher.beat() })
        // What is collected before the subscription has arrived would not reach the masters.
        let collectors = try await makeCollectors(for: publisher) {
            await subscriber.wait { status in status.connections.allSatisfy { $0.publisher != nil } }
        }
        let ingest = try publisher.makeIngestServer(node: settings.node, logger: logger)
        try await run(
            [CancelledService { try await publisher.run() }, bridge, CancelledService { try await ingest.run() }]
                + collectors)
    }

    /// `arobust collect`: collectors and publisher.
    public func runCollect() async throws {
        let publisher = try await makePublisher()
        let ingest = try publisher.makeIngestServer(node: settings.node, logger: logger)
        let collectors = try await makeCollectors(for: publisher) {}
        try await run(
            [CancelledService { try await publisher.run() }, CancelledService { try await ingest.run() }] + collectors)
    }

    /// `arobust bridge`: subscriber and reporters.
    public func runBridge() async throws {
        let subscriber = try MetricSubscriber(
            configuration: SubscriberConfiguration(endpoints: settings.endpoints()), logger: logger)
        try await run([try makeBridge(subscriber, requestBeat: nil)])
    }

    /// `arobust tap`: a subscriber alone. Returns when `receive` answers `false`, or after SIGTERM or SIGINT.
    ///
    /// - Parameter receive: takes what arrives, on the subscriber's thread.
    public func runTap(
        dataTypes: Set<DiagnosisDataType>, receive: @escaping @Sendable (SubscriberDelivery) -> Bool
    ) async throws {
        let configuration = SubscriberConfiguration(endpoints: try settings.endpoints(), dataTypes: dataTypes)
        let subscriber = try MetricSubscriber(configuration: configuration, logger: logger)
        try await run([CancelledService { try await subscriber.run(receive) }], endsWithItsReader: true)
    }

    private func run(_ services: [any Service], endsWithItsReader: Bool = false) async throws {
        try await ProcessLifetime(
            deadline: settings.shutdownDeadline, endsWithItsReader: endsWithItsReader, logger: logger
        ).run(services)
    }

    private func makePublisher() async throws -> MetricPublisher {
        var configuration = PublisherConfiguration()
        if let mark = settings.values.number("publisher.high-water-mark") { configuration.highWaterMark = Int32(mark) }
        let publisher = try await MetricPublisher.open(
            in: settings.stateDirectory(), configuration: configuration, logger: logger)
        logger.info(
            "Publishing.",
            metadata: [
                "state-dir": "\(publisher.directory.path)", "publisher": "\(publisher.id)",
                "epoch": "\(publisher.epoch)",
            ])
        return publisher
    }

    private func makeBridge(
        _ subscriber: MetricSubscriber, requestBeat: (@Sendable () -> Void)?
    ) throws -> BridgeAgent {
        let masters = try settings.masters()
        if masters.isEmpty {
            logger.warning("No master is set: metrics are published and nobody is reported to.")
        }
        let reporters = try masters.map { master in
            MasterReporter(
                name: "\(master.url)", client: try master.url.makeReporter(options: master.options, logger: logger),
                policy: master.policy, logger: logger)
        }
        return BridgeAgent(
            subscriber: subscriber, reporters: reporters, shutdownDeadline: settings.shutdownDeadline,
            requestBeat: requestBeat, logger: logger)
    }

    private func makeCollectors(
        for client: MetricPublisher, start: @escaping @Sendable () async -> Void
    ) async throws -> [any Service] {
        var schedules: [CollectorSchedule] = []
        for plan in try CollectorPlan.plans(of: settings, logger: logger) {
            await plan.collector.setClient(client)
            schedules.append(
                CollectorSchedule(
                    collector: plan.collector, interval: plan.interval, lastRound: plan.lastRound, start: start))
        }
        if schedules.isEmpty {
            logger.notice("No collector is set: only what other programs publish is on the bus.")
        }
        return schedules
    }
}
