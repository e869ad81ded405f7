internal import Diagnosis
internal import ServiceLifecycle

/// Runs one collector: a round now and then one every interval, until shutdown; then a last one.
struct CollectorSchedule: Service {
    let collector: any DataCollector
    let interval: Duration
    /// How long the last round may go on taking what is there. `nil`: no last round, for collectors that take long.
    let lastRound: Duration?
    /// Waited for before the first round.
    let start: @Sendable () async -> Void

    func run() async throws {
        await cancelWhenGracefulShutdown { await runRounds() }
        if let lastRound {
            await Self.runRound(of: collector, until: .now + lastRound)
        }
    }

    private func runRounds() async {
        await start()
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
        repeat {
            guard let data = await collector.collectData(), await collector.storeData(data) else { return }
        } while collector.collectsBacklog && !Task.isCancelled && deadline.map { .now < $0 } ?? true
    }
}
