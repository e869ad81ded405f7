internal import SQLite

package enum ConsoleStoreFormat {
    /// The version of the database's tables; a newer one is refused.
    package static let version = 1
}

/// The tables. Times are milliseconds since 1970.
///
/// Lines are numbered as they come. Each `span` of half a million numbers has a search index of its own, so that the oldest lines can be dropped
/// with their index instead of word by word.
enum StoreSchema {
    static let spanBits: Int64 = 19

    static func span(of line: Int64) -> Int64 { line >> spanBits }

    static func lines(of span: Int64) -> ClosedRange<Int64> { (span << spanBits)...((span + 1) << spanBits) - 1 }

    /// Before anything is read: how the file is laid out, and that what is committed stays over a power cut.
    static func prepare(_ database: SQLiteDatabase, limitBytes: Int64) throws(SQLiteError) {
        try database.run(
            script: """
                PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF;
                PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 33554432; PRAGMA cache_size = -65536;
                PRAGMA temp_store = MEMORY;
                """)
        let size = try database.rows("PRAGMA page_size").first?.integer(0) ?? 8192
        // Retention keeps it below; this is for when that can't.
        try database.run(script: "PRAGMA max_page_count = \(max(64, (limitBytes + limitBytes / 8) / max(1, size)))")
    }

    /// The version of the tables; 0 for a new database.
    static func version(of database: SQLiteDatabase) throws -> Int {
        Int(try database.rows("PRAGMA user_version").first?.integer(0) ?? 0)
    }

    static func make(in database: SQLiteDatabase) throws {
        try database.transaction {
            for sql in tables { try database.run(script: sql) }
            try database.run(script: "PRAGMA user_version = \(ConsoleStoreFormat.version)")
        }
    }

    static func makeSearch(of span: Int64, in database: SQLiteDatabase) throws(SQLiteError) {
        try database.run(
            script: """
                CREATE VIRTUAL TABLE IF NOT EXISTS search_\(span) USING fts5(
                    text, content='', columnsize=0, detail=none, tokenize="unicode61 remove_diacritics 0")
                """)
    }

    private static let tables = [
        """
        CREATE TABLE node(id INTEGER PRIMARY KEY, type TEXT NOT NULL, rank INTEGER NOT NULL, node_id INTEGER, host TEXT, publisher TEXT,
            version TEXT, source TEXT NOT NULL, last_heard INTEGER NOT NULL, lag REAL, received INTEGER NOT NULL DEFAULT 0,
            accounts TEXT, UNIQUE(type, rank))
        """,
        // A node's rank; -1: all of the node's.
        """
        CREATE TABLE row(id INTEGER PRIMARY KEY, node INTEGER NOT NULL, rank INTEGER NOT NULL, last_line INTEGER, lines INTEGER NOT NULL DEFAULT 0,
            step REAL, step_seconds REAL, last_step INTEGER, state TEXT, alarm TEXT, told INTEGER, failed INTEGER, hung INTEGER,
            UNIQUE(node, rank))
        """,
        "CREATE TABLE stream(id INTEGER PRIMARY KEY, row INTEGER NOT NULL, type TEXT NOT NULL, path TEXT NOT NULL, UNIQUE(row, type, path))",
        """
        CREATE TABLE lane(id INTEGER PRIMARY KEY, publisher TEXT NOT NULL, type TEXT NOT NULL, node INTEGER NOT NULL, epoch INTEGER NOT NULL,
            sequence INTEGER NOT NULL, received INTEGER NOT NULL, duplicates INTEGER NOT NULL, missing INTEGER NOT NULL,
            last_heard INTEGER NOT NULL, lag REAL, UNIQUE(publisher, type))
        """,
        """
        CREATE TABLE gap(id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, node INTEGER NOT NULL, type TEXT NOT NULL, epoch INTEGER NOT NULL,
            first INTEGER NOT NULL, last INTEGER NOT NULL, since INTEGER NOT NULL, time INTEGER NOT NULL)
        """,
        "CREATE INDEX gap_time ON gap(time)",
        "CREATE TABLE rule(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL, category TEXT NOT NULL, action TEXT)",
        // `gap` is the id of one: a line without a text.
        """
        CREATE TABLE line(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, stream INTEGER NOT NULL, mark INTEGER, gap INTEGER, text TEXT NOT NULL)
        """,
        "CREATE INDEX line_time ON line(time)",
        "CREATE INDEX line_stream ON line(stream, time)",
        "CREATE INDEX line_mark ON line(time) WHERE mark IS NOT NULL",
        "CREATE TABLE span(id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, lines INTEGER NOT NULL)",
        // Level 10: ten seconds a bucket; level 600: ten minutes.
        """
        CREATE TABLE activity(level INTEGER NOT NULL, bucket INTEGER NOT NULL, row INTEGER NOT NULL, lines INTEGER NOT NULL,
            steps INTEGER NOT NULL, seconds REAL NOT NULL, mark INTEGER NOT NULL, PRIMARY KEY(level, bucket, row)) WITHOUT ROWID
        """,
        """
        CREATE TABLE series(id INTEGER PRIMARY KEY, name TEXT NOT NULL, row INTEGER NOT NULL, labels TEXT NOT NULL, last REAL,
            last_time INTEGER, UNIQUE(name, row, labels))
        """,
        "CREATE TABLE sample(series INTEGER NOT NULL, time INTEGER NOT NULL, value REAL NOT NULL, PRIMARY KEY(series, time)) WITHOUT ROWID",
        """
        CREATE TABLE incident(id INTEGER PRIMARY KEY, node INTEGER NOT NULL, name TEXT NOT NULL, begun INTEGER NOT NULL, sentence TEXT,
            hang INTEGER NOT NULL DEFAULT 0, ended INTEGER, pieces INTEGER NOT NULL DEFAULT 0, missing INTEGER NOT NULL DEFAULT 0,
            triggers TEXT NOT NULL DEFAULT '', UNIQUE(name, node))
        """,
        "CREATE INDEX incident_begun ON incident(begun)",
        """
        CREATE TABLE record(incident INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT, content TEXT NOT NULL, PRIMARY KEY(incident, number))
        """,
        """
        CREATE TABLE failure(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, last INTEGER NOT NULL, row INTEGER NOT NULL, rule INTEGER NOT NULL,
            title TEXT, root INTEGER NOT NULL, count INTEGER NOT NULL)
        """,
        "CREATE INDEX failure_row ON failure(row, rule, last)",
        "CREATE INDEX failure_time ON failure(time)",
        """
        CREATE TABLE evidence(failure INTEGER NOT NULL, line INTEGER NOT NULL, time INTEGER NOT NULL, text TEXT NOT NULL,
            PRIMARY KEY(failure, line)) WITHOUT ROWID
        """,
        """
        CREATE TABLE attempt(id INTEGER PRIMARY KEY, run TEXT NOT NULL, attempt INTEGER NOT NULL, node INTEGER NOT NULL, first INTEGER NOT NULL,
            last INTEGER NOT NULL, steps REAL, lost REAL, goodput REAL, UNIQUE(run, attempt, node))
        """,
    ]
}
