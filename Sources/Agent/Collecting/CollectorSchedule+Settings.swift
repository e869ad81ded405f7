internal import Collectors
internal import CoreMetrics
internal import FailureDiagnosis
internal import Hang
internal import Logging

/// The collectors that the settings ask for.
extension CollectorSchedule {
    /// How long a log is read on after SIGTERM.
    static let lastLogRound: Duration = .seconds(1)

    /// - Throws: `SettingsError` with the setting or the rule file, and what is allowed.
    static func schedules(
        of settings: AgentSettings, observer: (any HangObserver)? = nil,
        requests: FlightRecorderRequests = FlightRecorderRequests(), factory: any MetricsFactory, logger: Logger
    ) throws(SettingsError) -> [CollectorSchedule] {
        try logSchedules(of: settings, observer: observer, factory: factory, logger: logger)
            + metricSchedules(of: settings, factory: factory, logger: logger)
            + stackSchedules(of: settings, factory: factory, logger: logger)
            + eventSchedules(of: settings, factory: factory, logger: logger)
            + hangSchedules(
                of: settings, observer: observer, requests: requests, factory: factory, logger: logger)
    }

    private static func logSchedules(
        of settings: AgentSettings, observer: (any HangObserver)?, factory: any MetricsFactory, logger: Logger
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
        var watch: LogWatch?
        if values[\.diagnosis.stream] {
            watch = LogWatch(
                rules: try settings.ruleTable(), settle: values[\.diagnosis.settle], observer: observer, logger: logger,
                factory: factory)
        }
        let collector = LogSetCollector(
            selection: selection, node: settings.node, configuration: configuration, shedding: shedding,
            maxFiles: values[\.logs.maxFiles],
            maxOpenFiles: values[\.logs.maxOpen], logger: logger, factory: factory, observer: watch)
        return [CollectorSchedule(collector: collector, interval: values[\.logs.interval], lastRound: lastLogRound)]
    }

    private static func metricSchedules(
        of settings: AgentSettings, factory: any MetricsFactory, logger: Logger
    ) throws(SettingsError) -> [CollectorSchedule] {
        guard let url = try settings.metricURL() else { return [] }
        let values = settings.values
        let configuration = MetricCollector.Configuration(
            deadline: values[\.metrics.deadline], maxBytes: values[\.metrics.maxSize],
            reportsAlarm: values[\.metrics.alarm])
        let collector = MetricCollector(
            url: url, node: settings.node, configuration: configuration, logger: logger, factory: factory)
        return [CollectorSchedule(collector: collector, interval: values[\.metrics.interval], lastRound: nil)]
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
