internal import Diagnosis
internal import Logging
private import Synchronization

/// Brings envelopes to one master at the master's pace: batches, one call at a time for each lane and node, pauses when it fails.
///
/// What waits is bounded in bytes; what has to be given up is counted and logged. Nothing here waits for another master.
final class MasterReporter: Sendable {
    private let client: any EnvelopeReporter
    private let queue: Mutex<DeliveryQueue>
    private let signal = AsyncSignal()
    private let log: MasterLog

    /// - Parameter name: the master's canonical URL, for the log.
    init(name: String, client: any EnvelopeReporter, policy: DeliveryPolicy, logger: Logger) {
        self.client = client
        queue = Mutex(DeliveryQueue(policy: policy, needsLanesInOrder: client.needsLanesInOrder))
        log = MasterLog(master: name, logger: logger)
    }

    /// What became of the envelopes so far.
    var counts: [Lane: LaneCounts] {
        queue.withLock { $0.counts }
    }

    /// Takes batches without waiting. May be called from any thread.
    func offer(_ batches: [EnvelopeBatch]) {
        let now = ContinuousClock.now
        let lost = queue.withLock { queue in
            batches.reduce(0) { $0 + queue.add($1, now: now) }
        }
        if lost > 0 { log.gaveUp(lost) }
        signal.signal()
    }

    /// Logs what became of the envelopes. To be called when `run` has returned and nothing more is offered.
    func summarize() {
        log.summarize(counts)
    }

    /// Lets `run` end once what waits is delivered.
    func finish() {
        queue.withLock { $0.finish() }
        signal.signal()
    }

    /// Delivers until `finish()` was called and all is delivered, or until the task is cancelled: then what is left is given up.
    func run() async {
        await withDiscardingTaskGroup { group in
            var timer: ContinuousClock.Instant?
            loop: while !Task.isCancelled {
                let action = queue.withLock { $0.next(now: .now) }
                switch action {
                case .send(let key, let batch):
                    group.addTask { await self.report(key, batch) }
                case .wait(let until):
                    if let until, timer.map({ until < $0 || $0 <= .now }) ?? true {
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
            queue.withLock { $0.close() }
            group.cancelAll()
            await client.close()
        }
    }

    private func report(_ key: DeliveryQueue.Key, _ batch: EnvelopeBatch) async {
        let outcome = await client.report(batch)
        let refused = queue.withLock { $0.complete(key, batch, outcome, now: .now) }
        if let failure = outcome.failure {
            log.failed(failure, type: key.lane.dataType, refused: refused)
        } else {
            log.succeeded()
        }
        signal.signal()
    }
}
