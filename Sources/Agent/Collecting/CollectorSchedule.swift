internal import Diagnosis
internal import Logging
internal import ServiceLifecycle

/// Runs one collector: a round now and then one every interval, until shutdown; then a last one.
struct CollectorSchedule: Service {
    /// A backlog is taken in so many pieces, and then a pause: a long log that is met for the first time, 64 KiB a piece, so takes a
    /// part of a core.
    private static let piecesBetweenPauses = 32
    private static let backlogPause: Duration = .milliseconds(32)

    let collector: any DataCollector
    let interval: Duration
    /// How long the last round may go on taking what is there. `nil`: no last round, for collectors that take long.
    let lastRound: Duration?

    func run() async throws {
        await cancelWhenGracefulShutdown { await runRounds() }
        if let lastRound { await Self.runRound(of: collector, until: .now + lastRound) }
    }

    private func runRounds() async {
        var next = ContinuousClock.now
        while !Task.isCancelled {
            await Self.runRound(of: collector, until: nil)
            // A round that took longer than the interval is not made up for.
            next = max(next + interval, .now)
            try? await Task.sleep(until: next, clock: .continuous)
        }
    }

    /// Takes and stores data: once, or as long as there is a backlog, no report fails, and the time is not over.
    private static func runRound(of collector: some DataCollector, until deadline: ContinuousClock.Instant?) async {
        guard await collector.isEnabled() else { return }
        guard collector.collectsBacklog else {
            _ = await collector.collectRounds(1)
            return
        }
        while !Task.isCancelled, deadline.map({ .now < $0 }) ?? true {
            guard await collector.collectRounds(piecesBetweenPauses) == piecesBetweenPauses else { return }
            try? await Task.sleep(for: backlogPause)
        }
    }
}

/// One collector that runs on its own, until it is ended.
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
        // Unstructured: it ends with `end()`. A schedule doesn't throw; one that was cut short is said by the group.
        task = Task { try? await group.run() }
    }

    /// Lets the collector end its round and take a last one, and returns when it has.
    func end() async {
        await group.triggerGracefulShutdown()
        await task.value
    }
}
