package import Diagnosis
package import Logging
private import Synchronization

/// Sends envelopes to one master as fast as it takes them, and accounts for each: a named consumer of the bus.
///
/// What it holds in memory is bounded; more waits in the publisher's journal. Nothing here waits for another master. What a call came
/// to is stored before the next call of its lane and node begins, so that a kill repeats at most the calls under way.
package final class MasterReporter: EnvelopeReceiver {
    private let client: any EnvelopeReporter
    private let store: any LedgerStorage
    private let state: Mutex<DeliveryState>
    private let signal = AsyncSignal()
    private let log: MasterLog
    private let time: @Sendable () -> DeliveryTime

    /// - Parameter store: the consumer's, named with the master's canonical URL. The reporter closes it when `run` returns.
    package convenience init(
        store: ConsumerStore, client: any EnvelopeReporter, policy: DeliveryPolicy, logger: Logger
    ) {
        self.init(store: store, client: client, policy: policy, logger: logger) { .now }
    }

    init(
        store: any LedgerStorage, client: any EnvelopeReporter, policy: DeliveryPolicy, logger: Logger,
        time: @escaping @Sendable () -> DeliveryTime
    ) {
        self.store = store
        self.client = client
        self.time = time
        state = Mutex(
            DeliveryState(
                policy: policy, needsLanesInOrder: client.needsLanesInOrder, lanes: store.lanes, slots: store.slots,
                now: time()))
        log = MasterLog(master: store.consumer, logger: logger)
    }

    /// The consumer's name.
    package var consumer: String { store.consumer }

    /// What is durably finished of each publisher's lanes, and the state of the master.
    package var accounts: [PublisherID: ConsumerAccount] {
        let now = time()
        return state.withLock { $0.accounts(consumer: store.consumer, now: now) }
    }

    package func start(of lane: Lane) -> StreamStart? {
        state.withLock { $0.start(of: lane) }
    }

    package func room(in lane: Lane) -> Int {
        let room = state.withLock { $0.room(in: lane) }
        // What has no room is sent without waiting for more.
        if room <= 0 { signal.signal() }
        return room
    }

    package func receive(_ items: [StreamItem]) -> Bool {
        let now = time()
        state.withLock { $0.receive(items, now: now) }
        signal.signal()
        return true
    }

    /// Looks once a second whether the ledger is still where others find it, until the task is cancelled.
    ///
    /// - Throws: what is wrong.
    package func watchPlace() async throws {
        while !Task.isCancelled {
            try await store.checkPlace()
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// Lets `run` end once what waits in memory is delivered.
    package func finish() {
        state.withLock { $0.finish() }
        signal.signal()
    }

    /// Lets `run` end as soon as the calls under way have: what waits stays in the journal, for whoever reports to the master next.
    package func hold() {
        state.withLock { $0.hold() }
        signal.signal()
    }

    /// Closes what it was made with, in the place of `run`.
    package func discard() async {
        await client.close()
        await store.close()
    }

    /// Delivers until `finish()` was called and all in memory is delivered, until the master turns out to be another job's, or until
    /// the task is cancelled. What is not delivered then stays in the journal. To be called once.
    ///
    /// - Parameters:
    ///   - onRoom: called when there is room again in a lane that had none.
    ///   - onCommit: called with the accounts after changes, at most ten times a second, and at the end.
    package func run(
        onRoom: @escaping @Sendable () -> Void = {},
        onCommit: @escaping @Sendable ([PublisherID: ConsumerAccount]) -> Void = { _ in }
    ) async {
        await withDiscardingTaskGroup { group in
            var timer: ContinuousClock.Instant?
            loop: while !Task.isCancelled {
                let now = time()
                let action = state.withLock { $0.next(now: now) }
                announce(onRoom: onRoom, onCommit: onCommit)
                switch action {
                case .send(let call):
                    group.addTask { await self.report(call) }
                case .commit(let commit):
                    group.addTask { await self.write(commit) }
                case .wait(let until):
                    // Never for long, so that timers that turn out too late don't pile up.
                    if let until = until.map({ min($0, now.instant + .seconds(1)) }),
                        timer.map({ until < $0 || $0 <= now.instant }) ?? true
                    {
                        timer = until
                        group.addTask {
                            try? await Task.sleep(until: until, tolerance: .milliseconds(1), clock: .continuous)
                            self.signal.signal()
                        }
                    }
                    await signal.wait()
                case .finished: break loop
                }
            }
            state.withLock { $0.end() }
            group.cancelAll()
            await client.close()
        }
        await end(onCommit: onCommit)
    }

    private func report(_ call: SendPiece) async {
        let outcome = await client.report(call.batch)
        let now = time()
        let effect = state.withLock { $0.complete(call, outcome, now: now) }
        log.logCall(outcome, effect, type: call.key.lane.dataType)
        signal.signal()
    }

    private func write(_ commit: LedgerCommit) async {
        let result = await store.write(commit)
        let now = time()
        let hasRecovered = state.withLock { $0.committed(commit, result, now: now) }
        if let error = result.error { log.storageFailed(error) }
        if hasRecovered { log.storageRecovered() }
        signal.signal()
    }

    /// Tells the subscriber, the publishers and the log what is new.
    private func announce(
        onRoom: @Sendable () -> Void, onCommit: @Sendable ([PublisherID: ConsumerAccount]) -> Void
    ) {
        let now = time()
        let (hasRoom, accounts, news) = state.withLock {
            ($0.takeRoomNews(), $0.takeAnnouncement(consumer: store.consumer, now: now), $0.takeNews())
        }
        if hasRoom { onRoom() }
        if let accounts { onCommit(accounts) }
        if let news { log.logNews(news) }
    }

    /// Stores what the last calls came to, says it, and closes the store.
    private func end(onCommit: @Sendable ([PublisherID: ConsumerAccount]) -> Void) async {
        let commit = state.withLock { state in
            state.storageRetry = nil
            return state.takeCommit(now: time().instant)
        }
        if let commit { await write(commit) }
        let now = time()
        let (accounts, news) = state.withLock {
            ($0.takeAnnouncement(consumer: store.consumer, isLast: true, now: now), $0.takeNews())
        }
        if let accounts { onCommit(accounts) }
        if let news { log.logNews(news) }
        let (counts, held, stopped) = state.withLock { ($0.ledgers.mapValues(\.counts), $0.held, $0.stopped) }
        log.summarize(counts, held: held, isWrongJob: stopped?.code == .wrongJob)
        await store.close()
    }
}

/// Wakes one waiting task from anywhere. Signals that come before anyone waits count as one.
struct AsyncSignal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func signal() {
        continuation.yield()
    }

    /// Waits for the next signal, or the end of the task.
    func wait() async {
        var iterator = stream.makeAsyncIterator()
        _ = await iterator.next()
    }
}
