internal import Diagnosis
internal import Logging
internal import ServiceLifecycle
internal import ZMQBridge

/// The bridge: one subscriber, and a reporter for each master, none of which waits for another.
final class BridgeAgent: Service {
    private let subscriber: MetricSubscriber
    private let reporters: [MasterReporter]
    private let shutdownDeadline: Duration
    private let requestBeat: (@Sendable () -> Void)?
    private let logger: Logger

    /// - Parameter requestBeat: makes the publisher in this process beat now, so that the end of its stream can be told.
    init(
        subscriber: MetricSubscriber, reporters: [MasterReporter], shutdownDeadline: Duration,
        requestBeat: (@Sendable () -> Void)?, logger: Logger
    ) {
        self.subscriber = subscriber
        self.reporters = reporters
        self.shutdownDeadline = shutdownDeadline
        self.requestBeat = requestBeat
        self.logger = logger
    }

    func run() async throws {
        let gaps = GapLog(logger: logger)
        let subscriber = self.subscriber
        let reporters = self.reporters
        let (stopping, stop) = AsyncStream<Void>.makeStream()
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await subscriber.run { delivery in
                        gaps.note(delivery.gaps)
                        for reporter in reporters { reporter.offer(delivery.batches) }
                        return true
                    }
                }
                let delivering = Task { await self.deliver() }
                await withTaskCancellationHandler {
                    for await _ in stopping {}
                    let deadline = ContinuousClock.now + shutdownDeadline
                    await receiveRest(until: deadline)
                    group.cancelAll()
                    for reporter in reporters { reporter.finish() }
                    await Self.wait(for: delivering, until: deadline)
                } onCancel: {
                    delivering.cancel()
                    stop.finish()
                }
                try await group.waitForAll()
            }
        } onGracefulShutdown: {
            stop.finish()
        }
        gaps.close()
        summarize()
    }

    private func deliver() async {
        await withDiscardingTaskGroup { group in
            for reporter in reporters { group.addTask { await reporter.run() } }
        }
    }

    /// Takes what has been published up to now: a publisher's messages arrive in order, so a beat that was sent later ends it.
    private func receiveRest(until deadline: ContinuousClock.Instant) async {
        guard let requestBeat else { return }
        let now = WallClock.nanoseconds()
        requestBeat()
        let subscriber = self.subscriber
        let waiting = Task {
            await subscriber.wait { status in status.connections.allSatisfy { $0.lastBeat >= now } }
        }
        await Self.wait(for: waiting, until: deadline)
    }

    /// Waits for a task, and cancels it when its time is over.
    private static func wait(for task: Task<Void, Never>, until deadline: ContinuousClock.Instant) async {
        let timer = Task {
            try await Task.sleep(until: deadline, clock: .continuous)
            task.cancel()
        }
        await task.value
        timer.cancel()
    }

    private func summarize() {
        for reporter in reporters { reporter.summarize() }
        let status = subscriber.status
        logger.info(
            "The bridge has ended.",
            metadata: [
                "received": "\(status.received)", "missing": "\(status.missing)", "malformed": "\(status.malformed)",
                "newer-version": "\(status.newerVersion)",
            ])
    }
}
