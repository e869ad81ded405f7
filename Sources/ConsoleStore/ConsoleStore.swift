package import Diagnosis
package import Logging
internal import SQLite
internal import Synchronization
internal import SystemSupport

/// What a console keeps of what it was reported: envelopes once each, in one SQLite database, with answers to what people ask.
///
/// One process owns a directory. What `take` has returned without a failure survives `kill -9` and a power cut. Questions are answered from
/// connections of their own and never wait for what is written; each has a bound in rows and in time.
package final class ConsoleStore: Sendable {
    static let readers = 3

    package let options: ConsoleStoreOptions
    let ingest: StoreIngest
    /// `nil` once it is closed.
    private let lock: Mutex<FileLock?>
    private let slots: [ReaderSlot]
    private let turn = Atomic<Int>(0)

    /// The folder that it owns.
    package let directory: String

    /// Opens the store of a directory, and makes it if it is missing. Blocks.
    package init(
        directory: String, options: ConsoleStoreOptions = ConsoleStoreOptions(),
        logger: Logger = Logger(label: "arobust.console.store")
    ) throws(ConsoleStoreError) {
        self.options = options
        self.directory = directory
        let attempt: FileLock.Attempt
        do throws(SystemCallError) {
            try Directory(path: directory).make(mode: 0o700)
            attempt = try FileLock.tryTake(directory + "/lock")
        } catch {
            throw ConsoleStoreError(.unusable, "the store cannot be opened: \(error)")
        }
        let taken: FileLock
        switch attempt {
        case .taken(let lock): taken = lock
        case .held(let note):
            throw ConsoleStoreError(
                .unusable,
                "the store \(directory) is in use by another console\(note.isEmpty ? "" : " (\(TerminalText.line(note)))"): "
                    + "stop that one, or give this one a folder of its own")
        }
        let path = directory + "/console.sqlite"
        do {
            let database = try SQLiteDatabase(path: path, busyTime: 5)
            // Before anything is changed.
            let version = try StoreSchema.version(of: database)
            guard version <= ConsoleStoreFormat.version else {
                throw ConsoleStoreError(
                    .unusable,
                    "the store \(path) has version \(version), which a newer arobust wrote, and this arobust \(ProductVersion.text) knows "
                        + "\(ConsoleStoreFormat.version): use the newer one, or name another folder with --store")
            }
            taken.write(note: "pid \(ProcessNumber.own)")
            lock = Mutex(taken)
            try StoreSchema.prepare(database, limitBytes: options.limitBytes)
            if version == 0 { try StoreSchema.make(in: database) }
            ingest = StoreIngest(try StoreWriter(database, options: options), logger: logger)
            var slots: [ReaderSlot] = []
            for number in 0..<Self.readers {
                let database = try SQLiteDatabase(path: path, busyTime: 5)
                try database.run(
                    script: "PRAGMA query_only = 1; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY")
                slots.append(ReaderSlot(number, StoreReader(database, options: options)))
            }
            self.slots = slots
        } catch let error as ConsoleStoreError {
            throw error
        } catch {
            throw ConsoleStoreError(.unusable, "the store \(path) cannot be opened: \(error)")
        }
    }

    /// Ends what is under way, and closes the database. Everything after that fails.
    package func close() async {
        await ingest.close()
        for slot in slots { await slot.close() }
        lock.withLock { $0 = nil }
    }

    // MARK: what comes in

    /// Keeps envelopes, each once: what the lane's position has passed is a duplicate, and finished. Returns when all of them are on the disk.
    package func take(_ batches: [EnvelopeBatch], from source: ReportSource) async -> TakeOutcome {
        await ingest.take(.envelopes(batches, source))
    }

    /// Keeps one batch, and says so as a master's client does: a failure is worth another try, a refused envelope is a skip.
    package func report(_ batch: EnvelopeBatch, from source: ReportSource) async -> ReportOutcome {
        let outcome = await take([batch], from: source)
        if let failure = outcome.failure {
            return ReportOutcome(
                accepted: 0,
                failure: .init(count: batch.count, error: ReportError(code: .storage, message: failure.reason)))
        }
        return ReportOutcome(
            accepted: batch.count,
            skipped: outcome.refused.map { .init(index: $0.index, rule: "no-metric", reason: $0.reason) })
    }

    /// Notes that a node lives, and what it tells of itself. Never fails: it is written when there is room.
    package func heard(from node: NodeReport) async { _ = await ingest.take(.node(node)) }

    /// The position up to which a lane's envelopes are kept: where a reader of a journal goes on. `nil`: there is none.
    package func position(of lane: Lane) async throws(ConsoleStoreError) -> LanePosition? {
        try await ask { reader in
            let found = try reader.database.statement(
                "SELECT epoch, sequence FROM lane WHERE publisher = ? AND type = ?")
            found.bind(1, lane.publisher.description)
            found.bind(2, lane.dataType.rawValue)
            defer { found.reset() }
            guard try found.step() else { return nil }
            return LanePosition(epoch: UInt64(bitPattern: found.int(0)), sequence: UInt64(bitPattern: found.int(1)))
        }
    }

    // MARK: what goes out

    /// Says what changed, from now on; a slow reader only gets the newest.
    package func changes() -> AsyncStream<StoreChange> { ingest.changes() }

    package var change: StoreChange { ingest.change }

    package var counters: StoreCounters { ingest.counters }

    package func overview() async throws(ConsoleStoreError) -> OverviewAnswer {
        let (change, counters) = (change, counters)
        return try await ask { try $0.overview(change: change, counters: counters) }
    }

    package func nodes() async throws(ConsoleStoreError) -> [NodeAnswer] { try await ask { try $0.nodes() } }

    package func ranks(limit: Int) async throws(ConsoleStoreError) -> [RankAnswer] {
        try await ask { try $0.ranks(limit: min(max(1, limit), 20_000)) }
    }

    /// - Parameter buckets: at most 720.
    package func heatmap(since: Double, until: Double, buckets: Int) async throws(ConsoleStoreError) -> HeatmapAnswer {
        try await ask { try $0.heatmap(since: since, until: until, buckets: buckets) }
    }

    package func logs(_ question: LogQuestion) async throws(ConsoleStoreError) -> LogPage {
        try await ask { try $0.logs(question) }
    }

    /// - Parameter context: how many lines before and after, at most 200.
    /// - Returns: `nil` if there is no such line, or no more.
    package func line(_ id: Int64, context: Int) async throws(ConsoleStoreError) -> LineAnswer? {
        try await ask { try $0.line(id, context: context) }
    }

    package func series(prefix: String, limit: Int, after: String?) async throws(ConsoleStoreError) -> SeriesPage {
        try await ask { try $0.series(prefix: prefix, limit: limit, after: after) }
    }

    package func samples(_ question: SampleQuestion) async throws(ConsoleStoreError) -> SampleAnswer {
        try await ask { try $0.samples(question) }
    }

    /// - Parameter incident: `nil`: the newest stacks there are.
    /// - Returns: `nil` if there is no such incident.
    package func stacks(incident: String?) async throws(ConsoleStoreError) -> StacksAnswer? {
        try await ask { try $0.stacks(incident: incident) }
    }

    package func incidents(limit: Int, after: String?) async throws(ConsoleStoreError) -> IncidentPage {
        try await ask { try $0.incidents(limit: limit, after: after) }
    }

    /// - Returns: `nil` if there is no such incident.
    package func incident(_ id: String) async throws(ConsoleStoreError) -> IncidentAnswer? {
        try await ask { try $0.incident(id) }
    }

    package func failures(limit: Int, after: String?) async throws(ConsoleStoreError) -> FailurePage {
        try await ask { try $0.failures(limit: limit, after: after) }
    }

    package func attempts() async throws(ConsoleStoreError) -> [AttemptAnswer] { try await ask { try $0.attempts() } }

    package func delivery() async throws(ConsoleStoreError) -> DeliveryAnswer { try await ask { try $0.delivery() } }

    /// Asks the next of the readers: a long question holds up some others, never all.
    func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (StoreReader) throws -> Answer
    ) async throws(ConsoleStoreError) -> Answer {
        let number = turn.wrappingAdd(1, ordering: .relaxed).newValue
        return try await slots[Int(UInt(bitPattern: number) % UInt(slots.count))].ask(question)
    }
}

/// A reader and the thread on which it is asked.
final class ReaderSlot: Sendable {
    private let queue: BlockingQueue
    private let reader: Mutex<StoreReader?>

    init(_ number: Int, _ reader: sending StoreReader) {
        queue = BlockingQueue(label: "arobust.console.reader-\(number)", pool: .output)
        self.reader = Mutex(reader)
    }

    func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (StoreReader) throws -> Answer
    ) async throws(ConsoleStoreError) -> Answer {
        let result: Result<Answer, ConsoleStoreError> = await queue.run {
            self.reader.withLock { reader in
                guard let reader else { return .failure(ConsoleStoreError(.storage, "the store is closed")) }
                do {
                    return .success(try reader.answer(question))
                } catch let error as ConsoleStoreError {
                    return .failure(error)
                } catch {
                    return .failure(ConsoleStoreError(.storage, "the store cannot be read: \(error)"))
                }
            }
        }
        return try result.get()
    }

    func close() async {
        await queue.run {
            self.reader.withLock { reader in
                reader?.database.close()
                reader = nil
            }
        }
    }
}
