internal import CoreMetrics
internal import Delivery
package import Diagnosis
internal import FailureDiagnosis
internal import Hang
internal import JetStream
internal import Logging
internal import MasterClients
package import ServiceLifecycle
internal import SystemSupport
internal import ZMQBridge

/// What brings the bus to the masters.
extension AgentServices {
    /// `arobust console`: its own services, and a bridge into it from the state directories, if any are read.
    ///
    /// - Parameters:
    ///   - services: run as long as the bridge, and end after it.
    ///   - name: the consumer's name, under which its cursors are kept.
    ///   - reporter: where the bridge reports to; `nil`: no state directory is read.
    package func runConsole(
        _ services: [any Service], named name: String, from reporter: (any EnvelopeReporter)?
    ) async throws {
        guard let reporter else { return try await run(services) }
        for directory in try settings.readDirectories() { try directory.checkVersion() }
        let input = try settings.bridgeInput()
        let link = try makeLink(
            ConsumerOfBus(name: name, client: reporter, policy: DeliveryPolicy()), from: input,
            consumers: try settings.consumersHome(), thread: try SubscriberThread(),
            presence: try presence(of: name, client: reporter, from: input, job: settings.values[\.jobUID] ?? ""))
        let bridge = BridgeAgent(
            links: [link], removed: RemovedMasters(consumers: "", present: [], publishers: [], logger: logger),
            shutdownDeadline: settings.shutdownDeadline, requestBeat: nil, logger: logger)
        try await run(services + [bridge])
    }

    /// The bridge of this process, and what gives it other masters.
    struct RunningBridge {
        let agent: BridgeAgent
        let part: MastersPart
    }

    func makeBridge(
        from input: BridgeInput, requestBeat: (@Sendable () -> Void)?, observer: IncidentRecorder?
    ) throws -> RunningBridge {
        let masters = try settings.masters()
        if masters.isEmpty {
            logger.warning("No master is set: metrics are published, but reported to nobody.")
        }
        let home = try settings.consumersHome()
        let thread = try SubscriberThread()
        let plans: @Sendable (AgentSettings) throws -> [MasterPlan] = { settings in
            let services = with(settings)
            return try services.masterPlans {
                try services.makeLink(
                    $0, from: input, consumers: home, thread: thread,
                    observer: observer?.isOn == true ? observer : nil)
            }
        }
        let running = try plans(settings)
        let removed = RemovedMasters(
            consumers: home, present: masters.map { "\($0.url)" }, publishers: try settings.localDirectories(),
            logger: logger)
        let agent = BridgeAgent(
            links: try running.map { try $0.make() }, removed: removed, thread: input.isStream ? nil : thread,
            shutdownDeadline: settings.shutdownDeadline, requestBeat: requestBeat, logger: logger)
        return RunningBridge(
            agent: agent, part: MastersPart(bridge: agent, removed: removed, running: running, plans: plans))
    }

    /// Who reads the bus for a master.
    private struct ConsumerOfBus {
        var name: String
        var client: any EnvelopeReporter
        var policy: DeliveryPolicy
    }

    private func makeLink(
        _ master: MasterSettings, from input: BridgeInput, consumers: String, thread: SubscriberThread,
        observer: (any HangObserver)?
    ) throws -> MasterLink {
        let name = "\(master.url)"
        let client = try master.url.makeReporter(
            options: try master.clientOptions(), observer: try lineObserver(for: master.url), logger: logger)
        let presence =
            try presence(of: name, client: client, from: input, job: master.options.jobUID)
            ?? heartbeat(of: master, client: client, from: input, name: name, observer: observer)
        return try makeLink(
            ConsumerOfBus(name: name, client: client, policy: master.policy), from: input,
            consumers: consumers, thread: thread, presence: presence)
    }

    /// What tells an OTLP receiver how bad a line is, by the same rules as the node's own diagnosis; `nil` for other masters.
    private func lineObserver(for url: MasterURL) throws -> (any LogObserver)? {
        guard url.isOTLP else { return nil }
        // It only judges: what counts in the metrics is the watch of the logs that are followed.
        return LogWatch(rules: try settings.ruleTable(), logger: logger, factory: NOOPMetricsHandler.instance)
    }

    private func makeLink(
        _ consumer: ConsumerOfBus, from input: BridgeInput, consumers: String, thread: SubscriberThread,
        presence: (any NodePresence)?
    ) throws -> MasterLink {
        let store = try ConsumerStore(directory: consumers, consumer: consumer.name, logger: logger)
        let reporter = MasterReporter(store: store, client: consumer.client, policy: consumer.policy, logger: logger)
        var subscriberLogger = logger
        subscriberLogger[metadataKey: "for"] = "\(consumer.name)"
        let source: any EnvelopeSource =
            switch input {
            case .bus(let endpoints):
                try MetricSubscriber(
                    configuration: SubscriberConfiguration(endpoints: endpoints, consumer: consumer.name),
                    thread: thread, logger: subscriberLogger)
            case .stream(let address, let options):
                try streamSource(of: consumer, address, options, consumers: consumers, logger: subscriberLogger)
            }
        return MasterLink(source: source, reporter: reporter, presence: presence, logger: logger)
    }

    private func streamSource(
        of consumer: ConsumerOfBus, _ address: StreamAddress, _ options: JetStreamOptions, consumers: String,
        logger: Logger
    ) throws -> StreamSource {
        let owner = try StreamOwner.name(in: consumers)
        // A file or a console of the same name on another machine is another one: nothing is shared with it.
        let isShared = (try? MasterURL(consumer.name))?.isOnNetwork ?? false
        return StreamSource(
            address, options: options, master: isShared ? consumer.name : "\(consumer.name) of \(owner)",
            owner: owner, startsNow: consumer.policy.firstStart == .now, logger: logger)
    }

    /// What tells a console that this node is there; `nil` for other masters.
    private func presence(
        of name: String, client: any EnvelopeReporter, from input: BridgeInput, job: String
    ) throws -> (any NodePresence)? {
        // A stream has many nodes, none of which is this one.
        guard !input.isStream, let sender = client as? any BeatSender else { return nil }
        return ConsoleBeats(
            sender: sender, node: settings.node, job: job,
            publishers: try settings.stateDirectories().map { PublisherInspection($0) }, master: name, logger: logger)
    }

    private func heartbeat(
        of master: MasterSettings, client: any EnvelopeReporter, from input: BridgeInput, name: String,
        observer: (any HangObserver)?
    ) -> Heartbeat? {
        guard !input.isStream, let interval = master.heartbeat, let sender = client as? any HeartbeatSender else {
            return nil
        }
        var logger = logger
        logger[metadataKey: "master"] = "\(name)"
        logger.notice(
            "Heartbeats are sent in this node's name: no DLRover agent may run on it.",
            metadata: ["node-id": "\(settings.node.id)", "interval": "\(DurationText.write(interval))"])
        return Heartbeat(
            sender: sender, node: settings.node, job: master.options.jobUID, interval: interval, observer: observer,
            logger: logger)
    }
}
