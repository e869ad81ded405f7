internal import Collectors
internal import Diagnosis
internal import Hang
internal import Logging
internal import ServiceLifecycle

/// Runs the collectors that the settings ask for, and others when they ask for others: only those that are not the same are ended and begun.
actor CollectorHost: Service {
    private struct Running {
        let plan: CollectorPlan
        let collector: any DataCollector
        var run: CollectorRun?
    }

    private var running: [Running]
    private var schedules: [String: CollectorSchedule]
    private let client: any MasterClient
    private let observer: (any HangObserver)?
    private let deadline: Duration
    private let logger: Logger
    private var isRunning = false
    private var hasEnded = false

    /// - Parameters:
    ///   - client: whom they report to.
    ///   - observer: told of signs of a hang.
    ///   - deadline: how long the end of each may take.
    init(
        _ plans: [CollectorPlan], client: any MasterClient, observer: (any HangObserver)?, deadline: Duration,
        logger: Logger
    ) {
        self.client = client
        self.observer = observer
        self.deadline = deadline
        self.logger = logger
        let made = plans.map { ($0, $0.make()) }
        schedules = Dictionary(uniqueKeysWithValues: made.map { ($0.name, $1) })
        running = made.map { Running(plan: $0, collector: $1.collector) }
    }

    /// The names of those there are.
    var names: [String] { running.map(\.plan.name) }

    /// Runs them until shutdown; each then has a last round, all at the same time.
    func run() async throws {
        isRunning = true
        for index in running.indices {
            guard let schedule = schedules.removeValue(forKey: running[index].plan.name) else { continue }
            await connect(schedule.collector)
            running[index].run = CollectorRun(schedule, deadline: deadline, logger: logger)
        }
        try? await gracefulShutdown()
        hasEnded = true
        let runs = running.compactMap(\.run)
        await withDiscardingTaskGroup { group in
            for run in runs { group.addTask { await run.end() } }
        }
    }

    /// Ends the collectors that are no longer asked for, without a last round: where they are is known when they are asked for again. Changes,
    /// or makes anew, those that are asked for otherwise.
    func change(to plans: [CollectorPlan]) async {
        let kept = Dictionary(plans.map { ($0.name, $0.origin) }) { first, _ in first }
        let ending = running.filter { kept[$0.plan.name] != $0.plan.origin }
        await withDiscardingTaskGroup { group in
            for old in ending { group.addTask { await old.run?.cut() } }
        }
        var next: [Running] = []
        for plan in plans {
            guard let old = running.first(where: { $0.plan.name == plan.name }) else {
                next.append(await begin(plan, with: plan.make()))
                continue
            }
            if old.plan.origin == plan.origin {
                next.append(old)
            } else if let schedule = await plan.adopt?(old.collector) {
                next.append(await begin(plan, with: schedule))
            } else {
                await (old.collector as? any RetiringCollector)?.retire()
                next.append(await begin(plan, with: plan.make()))
            }
        }
        for old in running where kept[old.plan.name] == nil {
            await (old.collector as? any RetiringCollector)?.retire()
        }
        running = next
        // Nobody else ends those that were begun while the process ended.
        if hasEnded { for late in next { await late.run?.cut() } }
    }

    private func begin(_ plan: CollectorPlan, with schedule: CollectorSchedule) async -> Running {
        await connect(schedule.collector)
        if !isRunning { schedules[plan.name] = schedule }
        // When the process ends meanwhile nothing more is begun.
        let run = isRunning && !hasEnded ? CollectorRun(schedule, deadline: deadline, logger: logger) : nil
        return Running(plan: plan, collector: schedule.collector, run: run)
    }

    private func connect(_ collector: any DataCollector) async {
        await collector.setClient(client)
        if let observer { await (collector as? MetricCollector)?.setHangObserver(observer) }
    }
}
