internal import Diagnosis
private import Glibc
internal import Logging
internal import SQLite
internal import Synchronization
internal import SystemSupport

/// Takes reports from any number of senders, and has one writer keep them: what comes while a transaction runs goes into the next one, so that
/// many small reports cost one fsync.
final class StoreIngest: Sendable {
    enum Report: Sendable {
        case envelopes([EnvelopeBatch], ReportSource)
        case node(NodeReport)

        var bytes: Int {
            if case .envelopes(let batches, _) = self { batches.reduce(0) { $0 + $1.byteCount } } else { 0 }
        }

        var hasEnvelopes: Bool {
            if case .envelopes = self { true } else { false }
        }
    }

    private final class Waiting: Sendable {
        let report: Report
        let outcome = Mutex<TakeOutcome?>(nil)

        init(_ report: Report) { self.report = report }
    }

    private struct State {
        var waiting: [Waiting] = []
        var waitingBytes = 0
        var isClosed = false
        var change = StoreChange(lastLineID: 0, lines: 0, number: 0, parts: [:])
        var counters = StoreCounters()
        var readers: [Int: AsyncStream<StoreChange>.Continuation] = [:]
        var nextReader = 0
        /// When reported envelopes could not be kept for the last time; `nil`: since then some were.
        var envelopesFailed: ContinuousClock.Instant?
    }

    private struct Log {
        var problem = ProblemLog()
    }

    /// So much may wait; more is refused, and may be tried again.
    private static let mostWaitingBytes = 256 << 20
    private static let bytesOfTransaction = 8 << 20
    /// How often it is looked whether something is to be dropped, and whether the log is to be written back.
    private static let maintenancePause = Duration.seconds(2)

    /// Who was refused has tried again by then (`delivery.backoff-max`).
    private static let longestRetry = Duration.seconds(60)

    private let queue = BlockingQueue(label: "arobust.console.writer", pool: .state)
    private let writer: Mutex<StoreWriter?>
    private let state = Mutex(State())
    private let log = Mutex(Log())
    private let logger: Logger
    private let maintenance = Mutex<Task<Void, Never>?>(nil)

    init(_ writer: sending StoreWriter, logger: Logger) {
        self.logger = logger
        state.withLock {
            $0.change.lastLineID = writer.caches.nextLine - 1
            $0.change.lines = writer.caches.lineCount
            $0.counters.storeBytes = (try? writer.usedBytes()) ?? 0
        }
        self.writer = Mutex(writer)
        let task = Task.detached { [weak self] in
            while true {
                do { try await Task.sleep(for: Self.maintenancePause) } catch { return }
                guard let self else { return }
                await self.queue.run { self.maintain() }
            }
        }
        maintenance.withLock { $0 = task }
    }

    deinit { maintenance.withLock { $0?.cancel() } }

    var change: StoreChange { state.withLock { $0.change } }

    var counters: StoreCounters { state.withLock { $0.counters } }

    func take(_ report: Report) async -> TakeOutcome {
        let waiting = Waiting(report)
        let refusal = state.withLock { state -> String? in
            if state.isClosed { return "the store is closed" }
            guard state.waitingBytes <= Self.mostWaitingBytes else {
                return "\(state.waitingBytes >> 20) MiB wait already to be written: try again"
            }
            state.waiting.append(waiting)
            state.waitingBytes += report.bytes
            return nil
        }
        if let refusal { return TakeOutcome(failure: .init(reason: refusal)) }
        // By then it was this turn's, or one's before it.
        _ = await queue.run { self.writeNext() }
        return waiting.outcome.withLock { $0 } ?? TakeOutcome(failure: .init(reason: "the store is closed"))
    }

    func close() async {
        maintenance.withLock { $0?.cancel() }
        state.withLock { $0.isClosed = true }
        await queue.run {
            while self.writeNext() {}
            self.writer.withLock { writer in
                try? writer?.database.run(script: "PRAGMA wal_checkpoint(TRUNCATE)")
                writer?.database.close()
                writer = nil
            }
        }
        let readers = state.withLock { state in
            defer { state.readers = [:] }
            return Array(state.readers.values)
        }
        for reader in readers { reader.finish() }
    }

    func changes() -> AsyncStream<StoreChange> {
        let (stream, continuation) = AsyncStream<StoreChange>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state -> Int? in
            guard !state.isClosed else { return nil }
            state.nextReader += 1
            state.readers[state.nextReader] = continuation
            return state.nextReader
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.readers[number] = nil } }
        return stream
    }

    // MARK: on the writer's thread

    /// Writes what waits, up to the size of a transaction.
    ///
    /// - Returns: whether there was anything.
    private func writeNext() -> Bool {
        let group = state.withLock { state -> [Waiting] in
            var (count, bytes) = (0, 0)
            while count < state.waiting.count, count == 0 || bytes < Self.bytesOfTransaction {
                bytes += state.waiting[count].report.bytes
                count += 1
            }
            let group = Array(state.waiting.prefix(count))
            state.waiting.removeFirst(count)
            state.waitingBytes -= bytes
            return group
        }
        guard !group.isEmpty else { return false }
        let isWritten = write(group)
        // One report that can't be written must not keep the others from it.
        if !isWritten, group.count > 1 { for waiting in group { write([waiting]) } }
        return true
    }

    @discardableResult private func write(_ group: [Waiting]) -> Bool {
        writer.withLock { writer in
            guard let writer else { return false }
            var outcomes: [TakeOutcome] = []
            do {
                try writer.database.transaction {
                    outcomes = try group.map { try Self.write($0.report, to: writer) }
                    try writer.flush()
                }
            } catch {
                try? writer.forget()
                let reason = (error as? SQLiteError)?.message ?? "\(error)"
                note(problem: reason, ofEnvelopes: group.contains { $0.report.hasEnvelopes })
                for waiting in group { waiting.outcome.withLock { $0 = TakeOutcome(failure: .init(reason: reason)) } }
                return false
            }
            let changed = writer.caches.changed
            writer.caches.changed = []
            let (lastLine, lines) = (writer.caches.nextLine - 1, writer.caches.lineCount)
            note(group, outcomes, changed, lastLine, lines, leftOut: writer.leftOutSeries)
            for (waiting, outcome) in zip(group, outcomes) { waiting.outcome.withLock { $0 = outcome } }
            return true
        }
    }

    private static func write(_ report: Report, to writer: StoreWriter) throws -> TakeOutcome {
        var outcome = TakeOutcome()
        switch report {
        case .node(let node): try writer.note(node)
        case .envelopes(let batches, let source):
            for (number, batch) in batches.enumerated() {
                try writer.take(batch, number: number, from: source, into: &outcome)
            }
        }
        return outcome
    }

    /// - Parameter ofEnvelopes: whether something that was reported is not kept. A beat may still find room while that is so.
    private func note(problem: String, ofEnvelopes: Bool) {
        if ofEnvelopes { state.withLock { $0.envelopesFailed = .now } }
        if log.withLock({ $0.problem.shouldReport("write") }) {
            logger.error("The store cannot be written; senders keep what is not.", metadata: ["error": "\(problem)"])
        }
        state.withLock {
            $0.counters.problem = problem
            $0.counters.failedTransactions += 1
        }
    }

    private func note(
        _ group: [Waiting], _ outcomes: [TakeOutcome], _ changed: Set<StoreChange.Part>, _ lastLine: Int64,
        _ lines: Int64, leftOut: UInt64
    ) {
        let isWell = state.withLock { state in
            if group.contains(where: { $0.report.hasEnvelopes }) { state.envelopesFailed = nil }
            if let failed = state.envelopesFailed, failed.duration(to: .now) < Self.longestRetry { return false }
            state.counters.problem = nil
            return true
        }
        if isWell, log.withLock({ $0.problem.solve() }) { logger.notice("The store can be written again.") }
        let (change, readers) = state.withLock { state in
            state.counters.transactions += 1
            state.counters.leftOutSeries = leftOut
            for (waiting, outcome) in zip(group, outcomes) {
                state.counters.envelopes += UInt64(outcome.taken)
                state.counters.duplicates += UInt64(outcome.duplicates)
                state.counters.missing &+= UInt64(clamping: outcome.missing)
                state.counters.refused += UInt64(outcome.refused.count)
                state.counters.bytes += UInt64(waiting.report.bytes)
            }
            state.change.number += 1
            state.change.lastLineID = lastLine
            state.change.lines = lines
            for part in changed { state.change.parts[part] = state.change.number }
            return (state.change, changed.isEmpty ? [] : Array(state.readers.values))
        }
        for reader in readers { reader.yield(change) }
    }

    /// Drops what is too old or too much, for half a second at most: reports come between.
    private func maintain() {
        writer.withLock { writer in
            guard let writer else { return }
            let end = ContinuousClock.now + .milliseconds(500)
            do {
                while try writer.retainOnce(now: WallClock.milliseconds), ContinuousClock.now < end {}
                try writer.database.run(script: "PRAGMA wal_checkpoint(PASSIVE)")
                let used = try writer.usedBytes()
                state.withLock {
                    $0.counters.storeBytes = used
                    $0.counters.dropped = writer.dropped
                    $0.change.lines = writer.caches.lineCount
                }
            } catch {
                try? writer.forget()
                note(problem: (error as? SQLiteError)?.message ?? "\(error)", ofEnvelopes: false)
            }
        }
    }
}

enum ProcessNumber {
    static var own: Int32 { getpid() }
}
