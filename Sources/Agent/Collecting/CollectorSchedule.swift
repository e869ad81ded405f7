internal import Diagnosis
internal import Logging
internal import ServiceLifecycle
internal import SystemSupport

/// Runs one collector: a round now and then one every interval until shutdown; then a last one. A collector whose source wakes it has a round
/// then, and otherwise only when something is due.
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
    /// When in each interval a round begins; `nil`: now, and then an interval after the last.
    var phase: RoundPhase?
    /// Nanoseconds since 1970.
    var wallClock: @Sendable () -> UInt64 = { WallClock.nanoseconds() }

    func run() async throws {
        await run(by: clock)
    }

    private func run<Time: Clock<Duration>>(by clock: Time) async {
        await cancelWhenGracefulShutdown {
            guard let waking = collector as? any WakingCollector else { return await runRounds(by: clock, of: nil) }
            await withTaskGroup { group in
                group.addTask { await waking.watch() }
                await runRounds(by: clock, of: waking)
                group.cancelAll()
            }
        }
        // One that was cut is not at its end: it may go on.
        guard let lastRound, !Task.isCancelled else { return }
        let deadline = clock.now.advanced(by: lastRound)
        await collector.prepareForLastRound()
        await runRound(by: clock, until: deadline)
    }

    private func runRounds<Time: Clock<Duration>>(by clock: Time, of waking: (any WakingCollector)?) async {
        if let phase {
            // Many nodes start at once, and their first rounds are theirs, too; but nobody waits long for it.
            try? await clock.sleep(until: clock.now.advanced(by: phase.first), tolerance: nil)
        }
        while !Task.isCancelled {
            let start = clock.now
            await runRound(by: clock, until: nil)
            // A round that took longer than the interval is not made up for.
            let next =
                phase.map { clock.now.advanced(by: $0.untilNext(wallClock())) }
                ?? max(start.advanced(by: interval), clock.now)
            guard let waking else {
                try? await clock.sleep(until: next, tolerance: nil)
                continue
            }
            let wakeTime = max(next, clock.now.advanced(by: await waking.quietTime()))
            await withTaskGroup { group in
                group.addTask { try? await clock.sleep(until: wakeTime, tolerance: nil) }
                group.addTask { await waking.wakeSignal.wait() }
                await group.next()
                group.cancelAll()
            }
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

/// One collector that runs by itself until it is ended.
struct CollectorRun: Sendable {
    private let group: ServiceGroup
    private let task: Task<Void, Never>

    /// - Parameter deadline: how long its end may take.
    init(_ schedule: CollectorSchedule, deadline: Duration, logger: Logger) {
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

    /// Ends the round where it is, takes no last one, and returns when that is done.
    func cut() async {
        task.cancel()
        await task.value
    }
}
