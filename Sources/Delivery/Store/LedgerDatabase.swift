internal import Diagnosis
private import Glibc
internal import SystemSupport
internal import SQLite

/// A consumer's ledger in SQLite. For one thread at a time, and never one of Swift's cooperative threads: a transaction may wait for the disk.
final class LedgerDatabase {
    private let database: SQLiteDatabase
    private var rangeCounts: [Lane: Int] = [:]
    private let mostRanges: Int
    private(set) var lanes: [Lane: StoredLane] = [:]
    private(set) var slots: [SlotMark] = []

    /// Opens the database and reads it.
    ///
    /// - Parameter consumer: makes the database if it is not there; `nil` takes the name that is in it.
    /// - Throws: `LedgerDatabaseError`, or `SQLiteError` if SQLite can't.
    init(path: String, consumer: String?, bounds: ConsumerStore.Bounds) throws {
        mostRanges = bounds.ranges
        if consumer != nil {
            // With SQLite's default mode others could read it. Its other files take their mode from this one.
            _ = Glibc.close(try OwnFile.open(path, O_RDWR | O_CREAT))
        }
        database = try SQLiteDatabase(path: path, busyTime: bounds.busyTime)
        // Before anything is changed.
        let version = Int(try database.rows("PRAGMA user_version").first?.integer(0) ?? 0)
        guard version <= LedgerSchema.version else { throw LedgerDatabaseError.newerVersion(version) }
        try LedgerSchema.configure(database)
        try database.transaction {
            try Self.prepare(database, version: version, consumer: consumer)
            lanes = try LedgerRows.lanes(in: database)
            slots = try SlotRows.marks(in: database)
            rangeCounts = try LedgerRows.rangeCounts(in: database)
        }
        database.releaseMemory()
    }

    /// Reads the lanes of a database that another process has open, as they are now. Nothing is changed, and that process does not wait.
    static func lanes(inUse path: String) throws -> [Lane: StoredLane] {
        let database = try SQLiteDatabase(path: path, busyTime: 2, isReadOnly: true)
        defer { database.close() }
        let version = Int(try database.rows("PRAGMA user_version").first?.integer(0) ?? 0)
        guard version <= LedgerSchema.version else { throw LedgerDatabaseError.newerVersion(version) }
        return try database.snapshot { try LedgerRows.lanes(in: database) }
    }

    /// The consumer's name as the database has it.
    func name() throws -> String {
        try LedgerRows.consumer(in: database) ?? ""
    }

    /// Stores all of it or nothing.
    func write(_ lanes: [Lane: LaneCommit]) throws {
        var counts = rangeCounts
        try database.transaction {
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
        database.releaseMemory()
    }

    func close() {
        database.close()
    }

    private static func prepare(_ database: SQLiteDatabase, version: Int, consumer: String?) throws {
        let check = try database.rows("PRAGMA quick_check(1)").first?.text(0) ?? ""
        guard check == "ok" else { throw LedgerDatabaseError.damaged(check) }
        if version == 0 {
            guard let consumer else { throw LedgerDatabaseError.damaged("there is no ledger in it") }
            try database.run(script: LedgerSchema.tables)
            try database.run(
                "INSERT INTO consumer VALUES (?, ?)",
                [.text(consumer), .text(TimeText.write(WallClock.seconds()))])
        }
        if version < 2 { try database.run(script: LedgerSchema.slots) }
        let name = try LedgerRows.consumer(in: database)
        guard let name else { throw LedgerDatabaseError.damaged("the consumer's name is missing") }
        if let consumer, name != consumer { throw LedgerDatabaseError.otherConsumer(name) }
    }
}

/// Why a database that could be read can't be used.
enum LedgerDatabaseError: Error, CustomStringConvertible {
    case damaged(String)
    case newerVersion(Int)
    case otherConsumer(String)
    /// The file system can't do what the write-ahead log needs; SQLite stays with this mode.
    case noLog(String)

    var description: String {
        switch self {
        case .damaged(let reason): reason
        case .newerVersion(let version): "version \(version), and this one knows \(LedgerSchema.version)"
        case .otherConsumer(let name): name
        case .noLog(let mode): "SQLite can keep no write-ahead log here, its journal mode is '\(mode)'"
        }
    }
}

/// The tables of a consumer's database. People may read them with `sqlite3`; sequences and epochs are unsigned.
enum LedgerSchema {
    /// `PRAGMA user_version`. A higher one was written by a newer arobust.
    static let version = 2

    static let tables = """
        CREATE TABLE consumer (name TEXT NOT NULL, created TEXT NOT NULL);
        -- Where the account of a lane begins, and up to where all is finished.
        CREATE TABLE lane (
            publisher TEXT NOT NULL, data_type TEXT NOT NULL,
            origin_epoch INTEGER NOT NULL, origin_sequence INTEGER NOT NULL,
            cursor_epoch INTEGER NOT NULL, cursor_sequence INTEGER NOT NULL,
            PRIMARY KEY (publisher, data_type)) WITHOUT ROWID;
        -- How many envelopes were 'delivered', 'skipped' by which rule, or 'lost' for which reason; and of the
        -- delivered, how many were 'changed' in which way.
        CREATE TABLE account (
            publisher TEXT NOT NULL, data_type TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (publisher, data_type, kind, reason)) WITHOUT ROWID;
        -- Which envelopes were skipped or lost. The oldest are joined when they are many: count is exact, others may lie between.
        CREATE TABLE ranges (
            id INTEGER PRIMARY KEY,
            publisher TEXT NOT NULL, data_type TEXT NOT NULL,
            epoch INTEGER NOT NULL, first INTEGER NOT NULL, last_epoch INTEGER NOT NULL, last INTEGER NOT NULL,
            count INTEGER NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, time TEXT NOT NULL);
        CREATE INDEX ranges_by_end ON ranges (publisher, data_type, last_epoch, last);
        -- What is finished beyond the cursor. It is in the account.
        CREATE TABLE ahead (
            publisher TEXT NOT NULL, data_type TEXT NOT NULL, epoch INTEGER NOT NULL,
            first INTEGER NOT NULL, last INTEGER NOT NULL,
            PRIMARY KEY (publisher, data_type, epoch, first)) WITHOUT ROWID;
        """

    /// New in version 2. The slots that have their sample, each with the envelope that it is.
    static let slots = """
        CREATE TABLE slot (
            data_type TEXT NOT NULL, node_type TEXT NOT NULL, node_rank INTEGER NOT NULL, start INTEGER NOT NULL,
            publisher TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
            PRIMARY KEY (data_type, node_type, node_rank, start)) WITHOUT ROWID;
        PRAGMA user_version = \(version);
        """

    /// Sets what a connection must know. What is committed survives a kill; the disk is waited for at checkpoints alone.
    static func configure(_ database: SQLiteDatabase) throws {
        let mode = try database.rows("PRAGMA journal_mode = WAL").first?.text(0)
        guard mode == "wal" else { throw LedgerDatabaseError.noLog(mode ?? "unknown") }
        try database.run(script: "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = OFF")
    }
}
