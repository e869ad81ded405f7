internal import Collectors
internal import CoreMetrics
internal import Diagnosis
internal import FailureDiagnosis
internal import Logging
internal import ServiceLifecycle

/// Runs one collector: a round now and then one every interval, until shutdown; then a last one.
struct CollectorSchedule: Service {
    /// A backlog, such as a long log that is met for the first time, is taken in so many pieces (64 KiB each of a log) between two pauses,
    /// so that it takes only a part of a core.
    static let piecesBetweenPauses = 32
    static let backlogPause: Duration = .milliseconds(32)

    let collector: any DataCollector
    /// From the start of one round to the start of the next.
    let interval: Duration
    /// How long the last round may go on taking what is there. `nil`: no last round, for collectors that take long.
    let lastRound: Duration?
    var clock: any Clock<Duration> = ContinuousClock()

    func run() async throws {
        await run(by: clock)
    }

    private func run<Time: Clock<Duration>>(by clock: Time) async {
        await cancelWhenGracefulShutdown { await runRounds(by: clock) }
        if let lastRound { await runRound(by: clock, until: clock.now.advanced(by: lastRound)) }
    }

    private func runRounds<Time: Clock<Duration>>(by clock: Time) async {
        var next = clock.now
        while !Task.isCancelled {
            await runRound(by: clock, until: nil)
            // A round that took longer than the interval is not made up for.
            next = max(next.advanced(by: interval), clock.now)
            try? await clock.sleep(until: next, tolerance: nil)
        }
    }

    /// Takes and stores data: once, or as long as there is a backlog, no report fails, and the time is not over.
    private func runRound<Time: Clock<Duration>>(by clock: Time, until deadline: Time.Instant?) async {
        guard await collector.isEnabled() else { return }
        guard collector.collectsBacklog else {
            _ = await collector.collectRounds(1)
            return
        }
        while !Task.isCancelled, deadline.map({ clock.now < $0 }) ?? true {
            guard await collector.collectRounds(Self.piecesBetweenPauses) == Self.piecesBetweenPauses else { return }
            try? await clock.sleep(until: clock.now.advanced(by: Self.backlogPause), tolerance: nil)
        }
    }
}

/// A collector that the settings ask for, and how it is run.
struct CollectorPlan {
    /// How long a log is still read after SIGTERM.
    static let lastLogRound: Duration = .seconds(1)

    let collector: any DataCollector
    let interval: Duration
    let lastRound: Duration?

    static func plans(of settings: AgentSettings, factory: any MetricsFactory, logger: Logger) throws -> [CollectorPlan]
    {
        try logPlans(of: settings, factory: factory, logger: logger)
            + metricPlans(of: settings, factory: factory, logger: logger)
            + stackPlans(of: settings, factory: factory, logger: logger)
    }

    private static func logPlans(of settings: AgentSettings, factory: any MetricsFactory, logger: Logger) throws
        -> [CollectorPlan]
    {
        let values = settings.values
        let configuration = LogCollector.Configuration(
            chunkBytes: values.size("logs.chunk-size"), maxLineBytes: values.size("logs.max-line-size"),
            startFrom: values.text("logs.from") == "end" ? .end : .start)
        let files = values.texts("logs.files")
        var watch: LogWatch?
        if values.toggle("diagnosis.stream"), !files.isEmpty {
            watch = LogWatch(rules: try settings.ruleTable(), logger: logger, factory: factory)
        }
        return files.map { path in
            let collector = LogCollector(
                path: path, node: settings.node, configuration: configuration, logger: logger, factory: factory,
                observer: watch)
            return CollectorPlan(
                collector: collector, interval: values.duration("logs.interval"), lastRound: lastLogRound)
        }
    }

    private static func metricPlans(of settings: AgentSettings, factory: any MetricsFactory, logger: Logger) throws
        -> [CollectorPlan]
    {
        guard let url = try settings.metricURL() else { return [] }
        let values = settings.values
        let configuration = MetricCollector.Configuration(
            deadline: values.duration("metrics.deadline"), maxBytes: values.size("metrics.max-size"),
            reportsAlarm: values.toggle("metrics.alarm"))
        let collector = MetricCollector(
            url: url, node: settings.node, configuration: configuration, logger: logger, factory: factory)
        return [CollectorPlan(collector: collector, interval: values.duration("metrics.interval"), lastRound: nil)]
    }

    private static func stackPlans(of settings: AgentSettings, factory: any MetricsFactory, logger: Logger) throws
        -> [CollectorPlan]
    {
        guard let target = try settings.stackTarget() else { return [] }
        let values = settings.values
        let configuration = StackCollector.Configuration(
            target: target, pySpyPath: values.text("stacks.py-spy"), deadline: values.duration("stacks.deadline"))
        let collector = StackCollector(
            node: settings.node, configuration: configuration, logger: logger, factory: factory)
        return [CollectorPlan(collector: collector, interval: values.duration("stacks.interval"), lastRound: nil)]
    }
}

/// One collector that runs by itself until it is ended.
struct CollectorRun: Sendable {
    private let group: ServiceGroup
    private let task: Task<Void, Never>

    /// - Parameter deadline: how long its end may take.
    init(_ plan: CollectorPlan, deadline: Duration, logger: Logger) {
        let schedule = CollectorSchedule(collector: plan.collector, interval: plan.interval, lastRound: plan.lastRound)
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        var configuration = ServiceGroupConfiguration(
            services: [
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: schedule, successTerminationBehavior: .ignore)
            ], logger: quiet)
        configuration.maximumGracefulShutdownDuration = deadline
        let group = ServiceGroup(configuration: configuration)
        self.group = group
        // Unstructured: `end()` ends it and waits for it. A schedule doesn't throw, and the group logs one that was cut short.
        task = Task { try? await group.run() }
    }

    /// Lets the collector end its round and take a last one, and returns when it has.
    func end() async {
        await group.triggerGracefulShutdown()
        await task.value
    }
}
