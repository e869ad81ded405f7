internal import GRDB

/// The tables of a consumer's database. People may read them with `sqlite3`; sequences and epochs are unsigned.
enum LedgerSchema {
    /// `PRAGMA user_version`. One that is higher belongs to a newer arobust.
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

    static func configuration(busyTime: Double) -> Configuration {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(busyTime)
        configuration.label = "arobust.ledger"
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = OFF")
        }
        return configuration
    }
}
