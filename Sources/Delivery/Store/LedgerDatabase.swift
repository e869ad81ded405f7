internal import Diagnosis
private import Glibc
internal import GRDB

/// A consumer's ledger in SQLite. For one thread at a time, and never one of Swift's own: a transaction may wait for the disk.
final class LedgerDatabase {
    private let queue: DatabaseQueue
    private var rangeCounts: [Lane: Int] = [:]
    private let mostRanges: Int
    private(set) var lanes: [Lane: StoredLane] = [:]
    private(set) var slots: [SlotMark] = []

    /// Opens the database and reads it.
    ///
    /// - Parameter consumer: makes the database if it is not there; `nil` takes the name that is in it.
    /// - Throws: `LedgerDatabaseError`, or `DatabaseError` if SQLite can't.
    init(path: String, consumer: String?, bounds: ConsumerStore.Bounds) throws {
        mostRanges = bounds.ranges
        if consumer != nil {
            // SQLite's own mode would let others read it; its other files take over the mode of this one.
            let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw SystemFailure("open") }
            _ = Glibc.close(descriptor)
        }
        queue = try DatabaseQueue(path: path, configuration: LedgerSchema.configuration(busyTime: bounds.busyTime))
        try queue.write { database in
            try Self.prepare(database, consumer: consumer)
            lanes = try LedgerRows.lanes(in: database)
            slots = try SlotRows.marks(in: database)
            rangeCounts = try LedgerRows.rangeCounts(in: database)
        }
    }

    /// The consumer's name as the database has it.
    func name() throws -> String {
        try queue.read { try LedgerRows.consumer(in: $0) } ?? ""
    }

    /// Stores all of it or nothing.
    func write(_ lanes: [Lane: LaneCommit]) throws {
        var counts = rangeCounts
        try queue.write { database in
            for (lane, commit) in lanes {
                try LedgerRows.write(commit, of: lane, in: database)
                for change in commit.slots { try SlotRows.write(change, in: database) }
                guard !commit.newRanges.isEmpty else { continue }
                for range in commit.newRanges where try LedgerRows.append(range, of: lane, in: database) {
                    counts[lane, default: 0] += 1
                }
                while let count = counts[lane], count > mostRanges {
                    counts[lane] = count - (try LedgerRows.joinOldest(mostRanges / 8 + 2, of: lane, in: database))
                }
            }
        }
        rangeCounts = counts
    }

    func close() {
        // One that can't be closed goes with the process; what was committed is there.
        try? queue.close()
    }

    private static func prepare(_ database: Database, consumer: String?) throws {
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard version <= LedgerSchema.version else { throw LedgerDatabaseError.newerVersion(version) }
        let check = try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? ""
        guard check == "ok" else { throw LedgerDatabaseError.damaged(check) }
        if version == 0 {
            guard let consumer else { throw LedgerDatabaseError.damaged("there is no ledger in it") }
            try database.execute(sql: LedgerSchema.tables)
            try database.execute(
                sql: "INSERT INTO consumer VALUES (?, ?)",
                arguments: [consumer, TimeText.write(WallClock.seconds())])
        }
        if version < 2 { try database.execute(sql: LedgerSchema.slots) }
        let name = try LedgerRows.consumer(in: database)
        guard let name else { throw LedgerDatabaseError.damaged("the consumer's name is missing") }
        if let consumer, name != consumer { throw LedgerDatabaseError.otherConsumer(name) }
    }
}
