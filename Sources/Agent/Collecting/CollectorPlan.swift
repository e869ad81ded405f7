internal import Collectors
internal import CoreMetrics
internal import Diagnosis
internal import Hang
internal import Logging

/// A collector that the settings ask for, not made yet.
struct CollectorPlan: Sendable {
    /// Which one it is, whatever else the settings say of it: `metrics http://127.0.0.1:18889/metrics`.
    let name: String
    /// What the settings say of it: with something else it is made anew.
    let origin: [String]
    /// Makes it and its schedule.
    let make: @Sendable () -> CollectorSchedule
    /// Changes the one that has run so far in its place, if that can be done, and gives its new schedule. It has no round meanwhile.
    var adopt: (@Sendable (any DataCollector) async -> CollectorSchedule?)?
}

/// What collectors are made with beside the settings.
struct CollectorSurroundings: Sendable {
    /// Is told of signs of a hang; `nil`: only the log and the bus are.
    var observer: (any HangObserver)?
    /// The same that the evidence of an incident has (`FlightRecorderFiles`).
    var memory = FlightRecorderMemory()
    let factory: any MetricsFactory
    let logger: Logger
}

/// The collectors that the settings ask for.
extension CollectorPlan {
    /// How long a log is read on after SIGTERM.
    static let lastLogRound: Duration = .seconds(1)

    /// - Parameter readers: what sees the lines of the logs.
    /// - Throws: `SettingsError` with the setting and what is allowed.
    static func plans(
        of settings: AgentSettings, readers: LogReaders, in surroundings: CollectorSurroundings
    ) throws(SettingsError) -> [CollectorPlan] {
        try logPlans(of: settings, readers: readers, in: surroundings)
            + progressPlans(of: settings, readers: readers, in: surroundings)
            + metricPlans(of: settings, in: surroundings) + stackPlans(of: settings, in: surroundings)
            + eventPlans(of: settings, in: surroundings) + hangPlans(of: settings, in: surroundings)
    }

    private static func logPlans(
        of settings: AgentSettings, readers: LogReaders, in surroundings: CollectorSurroundings
    ) -> [CollectorPlan] {
        let values = settings.values
        var configuration = LogCollector.Configuration(
            chunkBytes: values[\.logs.chunkSize], maxLineBytes: values[\.logs.maxLineSize],
            startFrom: values[\.logs.from])
        configuration.quietTime = values[\.logs.quietTime]
        configuration.progress = values[\.logs.progress]
        configuration.progressInterval = values[\.logs.progressInterval]
        configuration.containers = values[\.logs.containers]
        var shedding = LogSetCollector.Shedding()
        // Without rules nobody would say when to send it.
        shedding.blackBoxBytes = readers.rules == nil ? 0 : values[\.logs.blackBox]
        shedding.limits = values[\.logs.rateLimit].map {
            LineShedder.Limits(bytesPerSecond: $0, burst: values[\.logs.rateBurst])
        }
        let selection = settings.logSelection
        guard !selection.isEmpty else { return [] }
        let (maxFiles, maxOpen, interval) = (
            values[\.logs.maxFiles], values[\.logs.maxOpen], values[\.logs.interval]
        )
        let node = settings.node
        let schedule: @Sendable (LogSetCollector) -> CollectorSchedule = {
            CollectorSchedule(collector: $0, interval: interval, lastRound: lastLogRound)
        }
        return [
            CollectorPlan(name: "logs", origin: values.lines(under: "logs.") + [readers.name]) {
                [configuration, shedding] in
                schedule(
                    LogSetCollector(
                        selection: selection, node: node, configuration: configuration, shedding: shedding,
                        maxFiles: maxFiles, maxOpenFiles: maxOpen, logger: surroundings.logger,
                        factory: surroundings.factory, observer: readers.observer))
            } adopt: { [configuration, shedding] collector in
                guard let collector = collector as? LogSetCollector else { return nil }
                await collector.change(
                    to: selection, configuration: configuration, shedding: shedding, maxFiles: maxFiles,
                    maxOpenFiles: maxOpen, observer: readers.observer, isObserverOther: readers.areOther)
                return schedule(collector)
            }
        ]
    }

    private static func progressPlans(
        of settings: AgentSettings, readers: LogReaders, in surroundings: CollectorSurroundings
    ) -> [CollectorPlan] {
        guard let progress = readers.progress else { return [] }
        return [
            CollectorPlan(name: "progress", origin: [progress.name]) {
                progress.schedule(of: settings, logger: surroundings.logger)
            }
        ]
    }

    private static func metricPlans(
        of settings: AgentSettings, in surroundings: CollectorSurroundings
    ) throws(SettingsError) -> [CollectorPlan] {
        let values = settings.values
        let xpuTimer = try settings.metricURL()
        let (interval, node, job) = (values[\.metrics.interval], settings.node, values[\.jobUID] ?? "")
        let limits = values.lines(
            under: "metrics.interval", "metrics.deadline", "metrics.max-size", "metrics.alarm")
        return ((xpuTimer.map { [$0] } ?? []) + (try settings.otherMetricURLs())).map { url in
            var configuration = MetricCollector.Configuration(
                deadline: values[\.metrics.deadline], maxBytes: values[\.metrics.maxSize],
                reportsAlarm: values[\.metrics.alarm])
            configuration.isXPUTimer = url == xpuTimer
            return CollectorPlan(name: "metrics \(url)", origin: limits + ["\(configuration.isXPUTimer)"]) {
                [configuration] in
                let collector = MetricCollector(
                    url: url, node: node, configuration: configuration, logger: surroundings.logger,
                    factory: surroundings.factory)
                var schedule = CollectorSchedule(collector: collector, interval: interval, lastRound: nil)
                schedule.phase = RoundPhase(
                    of: NodeShare(of: node, job: job, what: "\(url)"), interval: interval)
                return schedule
            }
        }
    }

    private static func stackPlans(
        of settings: AgentSettings, in surroundings: CollectorSurroundings
    ) throws(SettingsError) -> [CollectorPlan] {
        guard let target = try settings.stackTarget() else { return [] }
        let values = settings.values
        return [
            CollectorPlan(name: "stacks", origin: values.lines(under: "stacks.")) {
                let collector = StackCollector(
                    node: settings.node, configuration: settings.stackConfiguration(target),
                    logger: surroundings.logger, factory: surroundings.factory)
                let interval = values[\.stacks.interval]
                var schedule = CollectorSchedule(collector: collector, interval: interval, lastRound: nil)
                // A way that stops ranks makes the whole training wait: then all nodes had better do it at once.
                if !values[\.stacks.blocking], !values[\.stacks.native] {
                    schedule.phase = RoundPhase(
                        of: NodeShare(of: settings.node, job: values[\.jobUID] ?? "", what: "stacks"),
                        interval: interval)
                }
                return schedule
            }
        ]
    }
}
