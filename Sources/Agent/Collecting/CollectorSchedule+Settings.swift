internal import Collectors
internal import CoreMetrics
internal import Diagnosis
internal import FailureDiagnosis
internal import Hang
internal import Logging

/// The collectors that the settings ask for.
extension CollectorSchedule {
    /// How long a log is read on after SIGTERM.
    static let lastLogRound: Duration = .seconds(1)

    /// - Parameter progress: what watches the trainings; sees the lines of the logs.
    /// - Throws: `SettingsError` with the setting or the rule file, and what is allowed.
    static func schedules(
        of settings: AgentSettings, progress: ProgressParts?, observer: (any HangObserver)? = nil,
        memory: FlightRecorderMemory = FlightRecorderMemory(), factory: any MetricsFactory, logger: Logger
    ) throws(SettingsError) -> [CollectorSchedule] {
        try logSchedules(of: settings, progress: progress, observer: observer, factory: factory, logger: logger)
            + (progress.map { [$0.schedule(of: settings, logger: logger)] } ?? [])
            + metricSchedules(of: settings, factory: factory, logger: logger)
            + stackSchedules(of: settings, factory: factory, logger: logger)
            + eventSchedules(of: settings, factory: factory, logger: logger)
            + hangSchedules(
                of: settings, observer: observer, memory: memory, factory: factory, logger: logger)
    }

    private static func logSchedules(
        of settings: AgentSettings, progress: ProgressParts?, observer: (any HangObserver)?,
        factory: any MetricsFactory, logger: Logger
    ) throws(SettingsError) -> [CollectorSchedule] {
        let values = settings.values
        var configuration = LogCollector.Configuration(
            chunkBytes: values[\.logs.chunkSize], maxLineBytes: values[\.logs.maxLineSize],
            startFrom: values[\.logs.from])
        configuration.quietTime = values[\.logs.quietTime]
        configuration.progress = values[\.logs.progress]
        configuration.progressInterval = values[\.logs.progressInterval]
        configuration.containers = values[\.logs.containers]
        var shedding = LogSetCollector.Shedding()
        shedding.blackBoxBytes = values[\.logs.blackBox]
        shedding.limits = values[\.logs.rateLimit].map {
            LineShedder.Limits(bytesPerSecond: $0, burst: values[\.logs.rateBurst])
        }
        let selection = settings.logSelection
        guard !selection.isEmpty else { return [] }
        var observers: [any LogObserver] = []
        if values[\.diagnosis.stream] {
            observers.append(
                LogWatch(
                    rules: try settings.ruleTable(), settle: values[\.diagnosis.settle], observer: observer,
                    logger: logger, factory: factory))
        } else {
            // Nobody would say when to send it.
            shedding.blackBoxBytes = 0
        }
        if let progress { observers.append(progress.watch) }
        let collector = LogSetCollector(
            selection: selection, node: settings.node, configuration: configuration, shedding: shedding,
            maxFiles: values[\.logs.maxFiles],
            maxOpenFiles: values[\.logs.maxOpen], logger: logger, factory: factory,
            observer: observers.count > 1 ? LogObservers(observers) : observers.first)
        return [CollectorSchedule(collector: collector, interval: values[\.logs.interval], lastRound: lastLogRound)]
    }

    private static func metricSchedules(
        of settings: AgentSettings, factory: any MetricsFactory, logger: Logger
    ) throws(SettingsError) -> [CollectorSchedule] {
        let values = settings.values
        let xpuTimer = try settings.metricURL()
        let interval = values[\.metrics.interval]
        return ((xpuTimer.map { [$0] } ?? []) + (try settings.otherMetricURLs())).map { url in
            var configuration = MetricCollector.Configuration(
                deadline: values[\.metrics.deadline], maxBytes: values[\.metrics.maxSize],
                reportsAlarm: values[\.metrics.alarm])
            configuration.isXPUTimer = url == xpuTimer
            let collector = MetricCollector(
                url: url, node: settings.node, configuration: configuration, logger: logger, factory: factory)
            var schedule = CollectorSchedule(collector: collector, interval: interval, lastRound: nil)
            schedule.phase = RoundPhase(of: settings.node, url: url, interval: interval)
            return schedule
        }
    }

    private static func stackSchedules(
        of settings: AgentSettings, factory: any MetricsFactory, logger: Logger
    ) throws(SettingsError) -> [CollectorSchedule] {
        guard let target = try settings.stackTarget() else { return [] }
        let values = settings.values
        let collector = StackCollector(
            node: settings.node, configuration: settings.stackConfiguration(target), logger: logger, factory: factory)
        return [CollectorSchedule(collector: collector, interval: values[\.stacks.interval], lastRound: nil)]
    }
}
