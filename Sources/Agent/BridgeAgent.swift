internal import Diagnosis
internal import Logging
internal import ServiceLifecycle
internal import ZMQBridge

/// The bridge: one subscriber, and a reporter for each master, none of which waits for another.
final class BridgeAgent: Service {
    /// A publisher that is alive beats every second.
    private static let longestWaitForBeat: Duration = .milliseconds(1500)

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
        // Unstructured, both: each is ended by another than the task that waits for it.
        let reading = Task {
            defer { stop.finish() }
            try await subscriber.run { delivery in
                gaps.note(delivery.gaps)
                for reporter in reporters { reporter.offer(delivery.batches) }
                return true
            }
        }
        let delivering = Task { await self.deliver() }
        await withTaskCancellationOrGracefulShutdownHandler {
            for await _ in stopping {}
        } onCancelOrGracefulShutdown: {
            stop.finish()
        }
        let deadline = ContinuousClock.now + shutdownDeadline
        await receiveRest(until: deadline)
        reading.cancel()
        let outcome = await reading.result
        for reporter in reporters { reporter.finish() }
        await Self.wait(for: delivering, until: deadline)
        gaps.close()
        summarize()
        try outcome.get()
    }

    private func deliver() async {
        await withDiscardingTaskGroup { group in
            for reporter in reporters { group.addTask { await reporter.run() } }
        }
    }

    /// Takes what has been published up to now: a publisher's messages arrive in order, so the next beat ends it.
    private func receiveRest(until deadline: ContinuousClock.Instant) async {
        let before = subscriber.status.connections.map(\.lastBeat)
        requestBeat?()
        let subscriber = self.subscriber
        let waiting = Task {
            await subscriber.wait { status in
                zip(status.connections, before).allSatisfy { $0.publisher == nil || $0.lastBeat != $1 }
            }
        }
        await Self.wait(for: waiting, until: min(deadline, .now + Self.longestWaitForBeat))
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
                "newer-version": "\(status.newerVersion)", "repeated": "\(status.repeated)",
            ])
    }
}
