package import Diagnosis
package import Logging
private import Synchronization
private import SystemPackage
internal import SystemSupport
internal import SQLite

/// Where a named consumer keeps its cursors and its account: one SQLite file for each consumer, open in one process only.
///
/// Beside `<name>.db` are `<name>.lock` and `<name>.dead.ndjson`, the dead letters. What `write` has stored survives a kill of the
/// process. A power cut may undo the last commits, back to SQLite's last sync; then reports are repeated. `close()` or the object's end
/// closes it.
package final class ConsumerStore: Sendable {
    struct Bounds {
        /// Rows of `ranges` for each lane.
        var ranges = 10_000
        /// Bytes of a dead-letter file.
        var deadLetters = 64 << 20
        /// How many seconds to wait for another program's transaction.
        var busyTime = 5.0
        /// How long to wait for another holder of the store: `arobust status` opens it briefly when no publisher runs.
        var lockTime: Duration = .seconds(2)
    }

    private struct Contents {
        let database: LedgerDatabase
        let deadLetters: DeadLetterFile
        let lock: ConsumerLock
        let databaseFile: FileNumber?

        /// The files that are no longer those which were opened: what is written to them is gone with the process, and another process could
        /// open new ones in their place.
        func lostFiles(database path: String) -> [String] {
            (databaseFile?.isStill(at: path) ?? true ? [] : [path])
                + (lock.isStillInPlace ? [] : [lock.path].compactMap(\.self))
        }
    }

    package let consumer: String
    /// The database's file.
    package let path: String
    package let deadLetterPath: String
    private let openedLanes: [Lane: StoredLane]
    package let slots: [SlotMark]
    private let contents: Mutex<Contents?>
    private let queue = BlockingQueue(label: "arobust.ledger.write", pool: .state)

    /// Opens a consumer's store. Makes it and the directory, for the owner only, if they are missing. Waits for the disk.
    ///
    /// A damaged database is renamed and a new one begun; the log says so.
    package convenience init(directory: String, consumer: String, logger: Logger) throws(ConsumerStoreError) {
        try self.init(directory: directory, consumer: consumer, bounds: Bounds(), logger: logger)
    }

    init(directory: String, consumer: String, bounds: Bounds, logger: Logger) throws(ConsumerStoreError) {
        func fail(_ code: ConsumerStoreError.Code, _ path: String, _ detail: String) -> ConsumerStoreError {
            ConsumerStoreError(code: code, consumer: consumer, path: path, detail: detail)
        }
        let directory = Directory.absolute(directory)
        let files = ConsumerFiles(directory: directory, consumer: consumer)
        do {
            // Those above may be a publisher's state directory, which it has not made yet.
            try TrustedPath.makeFolder(directory, mode: 0o700, above: 0o700)
            // Sticky or not: SQLite would take what others put beside its file.
            try TrustedPath.checkOwnFolder(directory)
        } catch {
            throw fail(.inputOutput, directory, "\(error)")
        }
        let held: (lock: ConsumerLock?, holder: ConsumerLock.Holder)
        do {
            held = try ConsumerLock.acquire(files.lock, consumer: consumer, waiting: bounds.lockTime)
        } catch {
            throw fail(.inputOutput, files.lock, "\(error)")
        }
        guard let lock = held.lock else { throw fail(.inUse, files.database, held.holder.process) }
        let database: LedgerDatabase
        do {
            database = try Self.open(files, consumer: consumer, bounds: bounds, logger: logger)
        } catch let error as SystemCallError {
            throw fail(.inputOutput, files.database, "\(error)")
        } catch LedgerDatabaseError.newerVersion(let version) {
            throw fail(.newerVersion, files.database, "\(LedgerDatabaseError.newerVersion(version))")
        } catch LedgerDatabaseError.otherConsumer(let name) {
            throw fail(.otherConsumer, files.database, name)
        } catch {
            throw fail(.inputOutput, files.database, "\(files.database): \(error)")
        }
        self.consumer = consumer
        path = files.database
        deadLetterPath = files.deadLetters
        openedLanes = database.lanes
        slots = database.slots
        contents = Mutex(
            Contents(
                database: database, deadLetters: DeadLetterFile(path: files.deadLetters, limit: bounds.deadLetters),
                lock: lock, databaseFile: FileNumber(path: files.database)))
    }

    private static func open(
        _ files: ConsumerFiles, consumer: String, bounds: Bounds, logger: Logger
    ) throws -> sending LedgerDatabase {
        try files.checkDatabase()
        do {
            return try LedgerDatabase(path: files.database, consumer: consumer, bounds: bounds)
        } catch let error where isDamage(error) {
            let newPath = try files.setDatabaseAside()
            logger.error(
                "The ledger of a consumer is damaged. It is set aside and a new one begun: reports may be repeated.",
                metadata: ["consumer": "\(consumer)", "error": "\(error)", "moved-to": "\(newPath)"])
            return try LedgerDatabase(path: files.database, consumer: consumer, bounds: bounds)
        }
    }

    /// Whether the file itself is at fault, and not the disk or its permissions.
    static func isDamage(_ error: any Error) -> Bool {
        switch error {
        case LedgerDatabaseError.damaged: true
        case let error as SQLiteError: error.isDamage
        default: false
        }
    }

    /// What is wrong with the store if others no longer find its files.
    private func moved(_ contents: Contents) -> ConsumerStoreError? {
        let lost = contents.lostFiles(database: path)
        guard !lost.isEmpty else { return nil }
        return ConsumerStoreError(
            code: .moved, consumer: consumer, path: path, detail: lost.joined(separator: " and "))
    }

    private func store(_ commit: LedgerCommit) -> CommitResult {
        contents.withLock { contents in
            var result = CommitResult()
            guard let contents else {
                result.failed = Set(commit.lanes.keys)
                result.error = "the ledger is closed"
                return result
            }
            if let moved = moved(contents) {
                result.failed = Set(commit.lanes.keys)
                result.error = "\(moved)"
                return result
            }
            for (lane, letters) in commit.deadLetters {
                do {
                    try contents.deadLetters.append(letters)
                    result.lettersWritten.insert(lane)
                } catch {
                    result.failed.insert(lane)
                    result.error = "\(error)"
                }
            }
            let lanes = commit.lanes.filter { !result.failed.contains($0.key) }
            do {
                if !lanes.isEmpty { try contents.database.write(lanes) }
            } catch {
                result.failed.formUnion(lanes.keys)
                result.error = "\(path): \(error)"
            }
            return result
        }
    }
}

extension ConsumerStore: LedgerStorage {
    package var lanes: [Lane: StoredLane] { openedLanes }

    package func write(_ commit: LedgerCommit) async -> CommitResult {
        await queue.run { self.store(commit) }
    }

    package func checkPlace() async throws {
        let moved = await queue.run { self.contents.withLock { $0.flatMap { self.moved($0) } } }
        if let moved { throw moved }
    }

    package func close() async {
        await queue.run {
            self.contents.withLock { contents in
                contents?.database.close()
                contents = nil
            }
        }
    }
}

extension ConsumerStore {
    /// Why stores can't be in a directory, found without making anything: a sentence; `nil` if nothing speaks against it.
    package static func obstacle(of directory: String) -> String? {
        do throws(TrustedPathError) {
            // A file in it, so that the folder itself is looked at, too.
            _ = try TrustedPath.resolve(directory + "/x.db")
            if PathLook(directory) == .folder { try TrustedPath.checkOwnFolder(directory) }
        } catch {
            return "\(error)"
        }
        return Directory(path: directory).obstacleToMaking
    }

    /// Beside the stores of a bridge that reads a stream: the name by which it is told from others that share the stream with it.
    package static let streamReaderFile = "stream-reader"

    /// Reads the stores of all consumers in a directory, by name. Waits for the disk.
    ///
    /// Each is locked while it is read; of one that is in use only the name is given.
    ///
    /// - Parameters:
    ///   - directory: none is there before the first consumer was.
    ///   - owner: another user whose directory it may be.
    /// - Throws: if the directory can't be read, or others could put something there.
    package static func readings(
        inDirectory directory: String, alsoOf owner: UInt32? = nil
    ) throws -> [ConsumerReading] {
        try ConsumerFiles.check(directory, alsoOf: owner)
        let names: [String]
        do throws(SystemCallError) {
            names = try Directory(path: directory).names()
        } catch {
            if error.code == .noSuchFileOrDirectory { return [] }
            throw error
        }
        return names.compactMap {
            ConsumerFiles(directory: directory, databaseName: $0).map { reading($0, alsoOf: owner) }
        }
    }

    private static func reading(_ files: ConsumerFiles, alsoOf owner: UInt32?) -> ConsumerReading {
        var reading = ConsumerReading(consumer: files.stem, path: files.database, content: .accounts([:]))
        do {
            let (lock, holder) = try ConsumerLock.acquire(files.lock, consumer: nil, alsoOf: owner)
            if !holder.consumer.isEmpty { reading.consumer = holder.consumer }
            guard let lock else {
                reading.content = .inUse(by: holder.process)
                return reading
            }
            try withExtendedLifetime(lock) {
                try files.checkDatabase(alsoOf: owner)
                let database = try LedgerDatabase(path: files.database, consumer: nil, bounds: Bounds())
                defer { database.close() }
                reading.consumer = try database.name()
                reading.content = .accounts(database.lanes.accounts(consumer: reading.consumer))
            }
        } catch {
            reading.content = .unreadable(reason: "\(error)")
        }
        return reading
    }
}

/// What a consumer's store on disk says, read while nobody has it open.
package struct ConsumerReading: Sendable {
    package enum Content: Sendable {
        /// For each publisher.
        case accounts([PublisherID: ConsumerAccount])
        /// It is open in this process: ask that one.
        case inUse(by: String)
        /// It is damaged, or of a newer version. It was left as it is.
        case unreadable(reason: String)
    }

    /// Its name; the file's name if the files don't say it.
    package var consumer: String
    /// The database's file.
    package var path: String
    package var content: Content

    /// What the store of a process says that has it open, for each publisher: what that process has stored, without what it holds besides. It is
    /// not kept from working. Waits for the disk.
    ///
    /// - Throws: where it can't be read, or others could have put it there.
    package func accountsInUse(alsoOf owner: UInt32? = nil) throws -> [PublisherID: ConsumerAccount] {
        let folder = Directory.parent(of: path)
        let name = String(path.dropFirst(folder.utf8.count + 1))
        try ConsumerFiles(directory: folder, databaseName: name)?.checkDatabase(alsoOf: owner)
        return try LedgerDatabase.lanes(inUse: path).accounts(consumer: consumer)
    }
}
