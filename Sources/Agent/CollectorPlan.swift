internal import Collectors
internal import CoreMetrics
internal import Diagnosis
internal import FailureDiagnosis
internal import Logging

/// A collector that the settings ask for, and how it is run.
struct CollectorPlan {
    /// How long, after SIGTERM, a log is read on.
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
