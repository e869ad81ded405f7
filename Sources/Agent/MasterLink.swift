internal import Delivery
internal import Diagnosis
internal import Logging
private import Synchronization
internal import SystemSupport
internal import ZMQBridge

/// One master's way from the bus: a source that reads the stream, and the reporter that brings it to the master. Links share
/// nothing, so none waits for another.
final class MasterLink: Sendable {
    /// How far a link is. It only ever goes on to the next phase.
    enum Phase: String {
        /// Envelopes are read from the bus and delivered.
        case running
        /// The link is to end: what was published up to then is still read and delivered, until the deadline.
        case draining
        /// Delivery is over: the source tells the publishers how far the master is, and ends.
        case closing
        case ended
    }

    /// How a link comes to its end.
    enum Ending: Hashable {
        /// What was published up to now is still read and delivered.
        case draining
        /// Only the calls under way end: the rest is delivered by the link that follows this one.
        case atOnce
    }

    let source: any EnvelopeSource
    let reporter: MasterReporter
    private let presence: (any NodePresence)?
    private let logger: Logger
    private let current = Mutex<(phase: Phase, ending: Ending?)>((.running, nil))
    private let stopping: AsyncStream<Void>
    private let stopRequest: AsyncStream<Void>.Continuation
    private let ended: AsyncStream<Void>
    private let endNotice: AsyncStream<Void>.Continuation

    init(source: any EnvelopeSource, reporter: MasterReporter, presence: (any NodePresence)?, logger: Logger) {
        self.source = source
        self.reporter = reporter
        self.presence = presence
        var logger = logger
        logger[metadataKey: "master"] = "\(reporter.consumer)"
        self.logger = logger
        (stopping, stopRequest) = AsyncStream.makeStream()
        (ended, endNotice) = AsyncStream.makeStream()
    }

    var phase: Phase { current.withLock { $0.phase } }

    /// Whether it has been told to end.
    var isStopping: Bool { current.withLock { $0.ending != nil } }

    /// Lets `run` begin to end. From any thread, as often as one likes, also before `run`; the first time counts.
    func stop(_ ending: Ending = .draining) {
        current.withLock { $0.ending = $0.ending ?? ending }
        stopRequest.finish()
    }

    /// Returns when `run` has, or the task is cancelled. For one task.
    func waitForEnd() async {
        for await _ in ended {}
    }

    /// Closes what it was made with, in the place of `run`.
    func discard() async {
        await reporter.discard()
    }

    /// Reads and delivers until `stop()` is called, then takes what has been published up to now, delivers it, and tells the publishers
    /// how far the master is. To be called once, in a task that nobody cancels: the end takes its time.
    ///
    /// - Parameters:
    ///   - deadline: how long the end may take.
    ///   - requestBeat: makes the publisher in this process beat now, so that the end of its stream is known at once.
    ///   - onReadingEnded: called when the source has ended: at the end, or as soon as it or the ledger fails.
    /// - Throws: what the source failed with, or where the ledger has gone, after what was read was delivered.
    func run(
        deadline: Duration, requestBeat: (@Sendable () -> Void)?, onReadingEnded: @escaping @Sendable () -> Void
    ) async throws {
        defer {
            enter(.ended)
            endNotice.finish()
        }
        commit(reporter.accounts)
        try await withThrowingTaskGroup { reading in
            reading.addTask {
                // A source ends by itself only when it fails.
                defer { onReadingEnded() }
                try await self.source.run(self.reporter)
            }
            reading.addTask {
                do {
                    try await self.reporter.watchPlace()
                } catch {
                    onReadingEnded()
                    throw error
                }
            }
            // Reading goes on until the last account is on its way, so delivering is a group inside this one.
            await deliver(deadline: deadline, requestBeat: requestBeat)
            enter(.closing)
            reading.cancelAll()
            try await reading.waitForAll()
        }
    }

    /// Delivers, and says that the node is there meanwhile, until the link is stopped and all is delivered, or the time is over.
    private func deliver(deadline: Duration, requestBeat: (@Sendable () -> Void)?) async {
        await withTaskGroup { parts in
            parts.addTask {
                await self.reporter.run(onRoom: { self.source.roomChanged() }, onCommit: { self.commit($0) })
                return Part.delivery
            }
            parts.addTask {
                await self.presence?.run()
                return .presence
            }
            for await _ in stopping {}
            enter(.draining)
            let end = ContinuousClock.now + deadline
            if current.withLock({ $0.ending }) == .atOnce {
                reporter.hold()
            } else {
                await receiveRest(until: end, requestBeat: requestBeat)
                reporter.finish()
            }
            parts.addTask {
                try? await Task.sleep(until: end, clock: .continuous)
                return .timer
            }
            for await part in parts where part != .presence { break }
            parts.cancelAll()
        }
    }

    private enum Part {
        case delivery
        case presence
        case timer
    }

    /// Takes what has been published up to now: a publisher's messages arrive in order, so all of it is there with its next beat.
    private func receiveRest(until deadline: ContinuousClock.Instant, requestBeat: (@Sendable () -> Void)?) async {
        let end = min(deadline, .now + BeatInterval.longestWait)
        requestBeat?()
        await withTaskGroup { parts in
            parts.addTask { await self.source.waitForRest() }
            parts.addTask { try? await Task.sleep(until: end, clock: .continuous) }
            await parts.next()
            parts.cancelAll()
        }
    }

    /// Has the source tell the publishers how far the master is.
    private func commit(_ accounts: [PublisherID: ConsumerAccount]) {
        for (publisher, account) in accounts { source.commit(account, to: publisher) }
    }

    private func enter(_ phase: Phase) {
        current.withLock { $0.phase = phase }
        logger.debug("The link to a master enters its next phase.", metadata: ["phase": "\(phase)"])
    }
}
