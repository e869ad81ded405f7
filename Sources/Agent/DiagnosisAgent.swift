private import Collectors
public import CoreMetrics
public import Diagnosis
private import FailureDiagnosis
public import Logging
public import ServiceLifecycle
private import Synchronization
private import SystemSupport

/// The collectors of a node behind one client, and the diagnosis of its failures: the arobust guide's `DiagnosisAgent`.
///
/// The settings' collectors (training logs, XPUTimer's metrics, stacks) and those that are registered report to the client that is set: a
/// `MetricPublisher`, which puts everything on the bus, or a master's client directly. Nothing here throws into the training.
///
///     let agent = try DiagnosisAgent.shared(trainingLogFile: "/var/log/training.log", nodeRank: 0, localWorldSize: 4)
///     await agent.setClient(client)
///     await agent.start()
///     …
///     let verdict = await agent.diagnoseTrainingFailure(failures: ["error": "\(error)"], restartCount: 0)
///     print("Diagnosis action:", verdict.action.type)
///     await agent.stop()
public actor DiagnosisAgent: Service {
    private let settings: AgentSettings
    private let logger: Logger
    private let diagnostician: NodeDiagnostician
    private var schedules: [CollectorSchedule]
    private var runs: [CollectorRun] = []
    private var isRunning = false
    private var client: (any MasterClient)?
    /// Reports of failures that may be under way; `stop()` waits for them.
    private var reports: [Task<Bool, Never>] = []

    /// Makes an agent with the collectors that the settings ask for. Nothing is collected before `start()`.
    ///
    /// - Parameter factory: makes the collectors' self-metrics.
    /// - Throws: `SettingsError` with the setting, file or rule and what is allowed.
    public init(
        settings: AgentSettings, logger: Logger = Logger(label: "arobust"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) throws(SettingsError) {
        self.settings = settings
        self.logger = logger
        diagnostician = try NodeDiagnostician(settings: settings, logger: logger)
        let surroundings = CollectorSurroundings(factory: factory, logger: logger)
        schedules = try CollectorPlan.plans(
            of: settings, readers: try LogReaders.make(of: settings, in: surroundings), in: surroundings
        ).map { $0.make() }
    }

    /// Makes an agent from what the guide's takes; everything else is as in the environment (`AROBUST_…`, `NODE_ID`, `XPU_TIMER_PORT`, …;
    /// docs/settings.md).
    ///
    /// - Parameters:
    ///   - trainingLogFile: the log to follow, of all ranks of this node; it need not exist yet.
    ///   - nodeRank: `nil`: `NODE_RANK` or 0.
    ///   - localWorldSize: how many ranks run on this node; if given, their Python stacks are dumped as well.
    public init(
        trainingLogFile: String? = nil, nodeRank: Int? = nil, localWorldSize: Int? = nil,
        logger: Logger = Logger(label: "arobust")
    ) throws(SettingsError) {
        let environment = ProcessEnvironment.all()
        let flags: [SettingFlag] = [
            .one(\.logs.files, "trainingLogFile", trainingLogFile),
            .one(\.node.rank, "nodeRank", nodeRank.map { "\($0)" }),
            .one(\.stacks.ranks, "localWorldSize", localWorldSize.map { "\($0 > 0)" }),
        ]
        try self.init(
            settings: try AgentSettings(
                file: environment["AROBUST_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }, environment: environment,
                flags: flags), logger: logger)
    }

    private static let sharedAgent = Mutex<DiagnosisAgent?>(nil)

    /// The process's one agent, made by the first call: the guide's `singleton_instance`. Later calls' arguments don't count.
    public static func shared(
        trainingLogFile: String? = nil, nodeRank: Int? = nil, localWorldSize: Int? = nil,
        logger: Logger = Logger(label: "arobust")
    ) throws(SettingsError) -> DiagnosisAgent {
        try sharedAgent.withLock { agent throws(SettingsError) in
            if let agent { return agent }
            let made = try DiagnosisAgent(
                trainingLogFile: trainingLogFile, nodeRank: nodeRank, localWorldSize: localWorldSize, logger: logger)
            agent = made
            return made
        }
    }

    /// Adds a collector: it gets the client, now and whenever another is set, and runs from `start()` on; if that was called, at once.
    ///
    /// - Parameter interval: from the start of one round to the next; a round that takes longer is not made up for.
    public func register(_ collector: any DataCollector, every interval: Duration) async {
        let schedule = CollectorSchedule(
            collector: collector, interval: max(interval, .milliseconds(1)),
            lastRound: collector.collectsBacklog ? CollectorPlan.lastLogRound : nil)
        schedules.append(schedule)
        if let client { await collector.setClient(client) }
        if isRunning { launch(schedule) }
    }

    /// Hands the client to all collectors, those registered later too.
    public func setClient(_ client: any MasterClient) async {
        self.client = client
        for schedule in schedules { await schedule.collector.setClient(client) }
    }

    /// Starts collecting. Does nothing while it runs.
    ///
    /// Without a client there is a warning, and what is collected is not reported; a log is then read on from where it is once one is set.
    public func start() {
        guard !isRunning else { return }
        isRunning = true
        if client == nil {
            logger.warning("Master client not set: what is collected is not reported.")
        }
        for schedule in schedules { launch(schedule) }
    }

    private func launch(_ schedule: CollectorSchedule) {
        runs.append(CollectorRun(schedule, deadline: settings.shutdownDeadline, logger: logger))
    }

    /// Stops collecting: the logs are read to their ends once more, up to the settings' `shutdown-deadline`, and a failure that is being
    /// reported is told, up to the client's own deadline. It can be started again.
    public func stop() async {
        let ending = runs
        runs = []
        isRunning = false
        await withDiscardingTaskGroup { group in
            for run in ending { group.addTask { await run.end() } }
        }
        for report in reports { _ = await report.value }
        reports = []
    }

    /// Starts, and stops when told to: for a `ServiceGroup`.
    public func run() async throws {
        start()
        try? await gracefulShutdown()
        await stop()
    }

    /// Says why a training failed, and what to do: the guide's `diagnose_training_failure`.
    ///
    /// The followed logs are read from their ends; the first root cause in time across the ranks decides. Never throws, and takes no longer
    /// than `diagnosis.budget` (2 s). With `diagnosis.report-failures` the failure is also reported through the client (`report_failures`);
    /// the verdict does not wait for that.
    ///
    /// - Parameters:
    ///   - failures: what is known: `["error": "…"]`, or the ranks' texts by rank.
    ///   - restartCount: how often the training has been started again; from `diagnosis.max-restarts` on a restart becomes a relaunch.
    @discardableResult
    public nonisolated func diagnoseTrainingFailure(
        failures: [String: String], restartCount: Int
    ) async -> FailureVerdict {
        await diagnoseTrainingFailure(
            failures: .object(failures.mapValues(JSONValue.string)), restartCount: restartCount)
    }

    /// Says why a training failed, and what to do, from DLRover's `{"<rank>": {"local_rank": 0, "exitcode": -9, "message": …}}` or any
    /// other object.
    @discardableResult
    public nonisolated func diagnoseTrainingFailure(
        failures: JSONValue, restartCount: Int
    ) async -> FailureVerdict {
        var failure = settings.trainingFailure()
        failure.failures = failures.text
        failure.restartCount = restartCount
        let verdict = await diagnostician.diagnose(failure)
        await report(FailureReport(failure, verdict))
        return verdict
    }

    /// Reports through the client, if that is set. A task that nobody waits for before `stop()`: the training waits for the verdict, not for
    /// a master.
    private func report(_ failure: FailureReport) {
        guard settings.reportsFailures, let client else { return }
        reports.append(Task { [logger] in await failure.send(to: [client], logger: logger) })
    }
}
