internal import Delivery
internal import Diagnosis
internal import SystemSupport
internal import ZMQBridge

/// One master's way from the bus: a subscriber that reads its stream, and the reporter that brings it to the master. No two share
/// anything, so none waits for another.
struct MasterLink: Sendable {
    let subscriber: MetricSubscriber
    let reporter: MasterReporter
    let heartbeat: Heartbeat?

    /// Runs both until `stop` is done, then takes what has been published up to now, delivers it, and tells the publishers how far the
    /// master is.
    ///
    /// - Parameters:
    ///   - requestBeat: makes the publisher in this process beat now, so that the end of its stream can be told.
    ///   - deadline: how long all that may take.
    func run(
        until stop: Task<Void, Never>, requestBeat: (@Sendable () -> Void)?, deadline: Duration
    ) async throws {
        let subscriber = self.subscriber
        let reporter = self.reporter
        for (publisher, account) in reporter.accounts { subscriber.commit(account, to: publisher) }
        // Unstructured, both: each is ended by another than the task that waits for it.
        let reading = Task { try await subscriber.run(reporter) }
        let delivering = Task {
            await reporter.run(onRoom: { subscriber.roomChanged() }) { accounts in
                for (publisher, account) in accounts { subscriber.commit(account, to: publisher) }
            }
        }
        let beating = Task { [heartbeat] in await heartbeat?.run() }
        defer { beating.cancel() }
        let failing = Task {
            // A subscriber ends by itself only when it fails.
            _ = await reading.result
            stop.cancel()
        }
        await stop.value
        let end = ContinuousClock.now + deadline
        await receiveRest(until: end, requestBeat: requestBeat)
        reporter.finish()
        await Self.wait(for: delivering, until: end)
        reading.cancel()
        await failing.value
        try await reading.value
    }

    /// A publisher that is alive beats every second.
    private static let longestWaitForBeat: Duration = .milliseconds(1500)

    /// Takes what has been published up to now: a publisher's messages arrive in order, so the next beat ends it.
    private func receiveRest(until deadline: ContinuousClock.Instant, requestBeat: (@Sendable () -> Void)?) async {
        let now = WallClock.nanoseconds()
        requestBeat?()
        let subscriber = self.subscriber
        let waiting = Task {
            await subscriber.wait { status in
                status.connections.allSatisfy { $0.publisher == nil || $0.deliveredThrough >= now }
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
}
