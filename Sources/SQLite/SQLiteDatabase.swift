private import CSQLite

/// A connection to a SQLite database. For one thread at a time.
///
/// A statement that changes something is prepared once, and kept by its text: texts are constants, and values are bound.
package final class SQLiteDatabase {
    /// `nil` once it is closed.
    private var handle: OpaquePointer?
    private var statements: [String: OpaquePointer] = [:]
    private var cursors: [String: SQLiteStatement] = [:]
    /// When to give up what is asked now.
    private var deadline: ContinuousClock.Instant?

    /// Whether SQLite allocates only what it needs; settled before the first database is opened.
    private static let isLean = arobust_sqlite_allocate_nothing_ahead() == SQLITE_OK

    /// Opens a database, and makes it if it is missing. The file is not read yet.
    ///
    /// - Parameters:
    ///   - busyTime: how many seconds to wait for another program's transaction.
    ///   - isReadOnly: only looks, while another process may write; a file that is missing is an error.
    package init(path: String, busyTime: Double, isReadOnly: Bool = false) throws(SQLiteError) {
        _ = Self.isLean
        let use = isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let code = sqlite3_open_v2(path, &handle, use | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK else {
            defer { close() }
            throw error(code)
        }
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, CInt(busyTime * 1000))
        arobust_sqlite_forbid_quoted_texts(handle)
    }

    deinit {
        close()
    }

    /// Closes it. Statements after that fail.
    package func close() {
        for cursor in cursors.values { cursor.finish() }
        cursors = [:]
        for statement in statements.values { sqlite3_finalize(statement) }
        statements = [:]
        sqlite3_close_v2(handle)
        handle = nil
    }

    /// Frees the pages that are kept to be read again; 50 KiB for each ledger.
    package func releaseMemory() {
        sqlite3_db_release_memory(handle)
    }

    /// How many rows the last statement changed.
    package var changes: Int { Int(sqlite3_changes64(handle)) }

    /// Executes one statement whose rows don't matter.
    package func run(_ sql: String, _ values: [SQLiteValue] = []) throws(SQLiteError) {
        try withStatement(try kept(sql), values) { statement throws(SQLiteError) in
            while try step(statement) {}
        }
    }

    /// All rows of one statement, which is not kept: what is read is read when a database is opened.
    package func rows(_ sql: String, _ values: [SQLiteValue] = []) throws(SQLiteError) -> [SQLiteRow] {
        let statement = try prepare(sql, flags: 0)
        defer { sqlite3_finalize(statement) }
        return try withStatement(statement, values) { statement throws(SQLiteError) in
            let columns = 0..<sqlite3_column_count(statement)
            var rows: [SQLiteRow] = []
            while try step(statement) {
                rows.append(SQLiteRow(values: columns.map { Self.value(statement, $0) }))
            }
            return rows
        }
    }

    /// Executes several statements, one after the other.
    package func run(script: String) throws(SQLiteError) {
        try checkOpen()
        let code = sqlite3_exec(handle, script, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code) }
    }

    /// Does all of it or nothing. Nobody else writes meanwhile.
    package func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        try within("BEGIN IMMEDIATE", body)
    }

    /// Reads all of it as it was at one moment. Others may write meanwhile, where the database has a write-ahead log.
    package func snapshot<Result>(_ body: () throws -> Result) throws -> Result {
        try within("BEGIN DEFERRED", body)
    }

    private func within<Result>(_ begin: String, _ body: () throws -> Result) throws -> Result {
        try run(begin)
        do {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            // After some errors SQLite has done that itself.
            if handle != nil, sqlite3_get_autocommit(handle) == 0 { try? run("ROLLBACK") }
            throw error
        }
    }

    /// The row that was inserted last.
    package var lastRow: Int64 { sqlite3_last_insert_rowid(handle) }

    // MARK: statements

    /// A statement whose values are bound and whose rows are read one by one, kept by its text. It is for one use at a time.
    package func statement(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
        if let known = cursors[sql] {
            known.reset()
            return known
        }
        let made = SQLiteStatement(try prepare(sql, flags: SQLITE_PREPARE_PERSISTENT), of: handle)
        cursors[sql] = made
        return made
    }

    /// A statement that is not kept: its text depends on what is asked.
    package func passingStatement(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
        SQLiteStatement(try prepare(sql, flags: 0), of: handle, isPassing: true)
    }

    /// Until when what is asked must be answered; what takes longer ends with `SQLiteError.isInterruption`. `nil`: as long as it takes.
    package func setDeadline(_ deadline: ContinuousClock.Instant?) {
        self.deadline = deadline
        guard deadline != nil else { return sqlite3_progress_handler(handle, 0, nil, nil) }
        let isLate: @convention(c) (UnsafeMutableRawPointer?) -> CInt = { argument in
            guard let argument else { return 0 }
            let database = Unmanaged<SQLiteDatabase>.fromOpaque(argument).takeUnretainedValue()
            return database.deadline.map { ContinuousClock.now >= $0 } ?? false ? 1 : 0
        }
        // The handler is removed with the connection, which this object owns.
        sqlite3_progress_handler(handle, 4000, isLate, Unmanaged.passUnretained(self).toOpaque())
    }

    private func withStatement<Result>(
        _ statement: OpaquePointer, _ values: [SQLiteValue], _ body: (OpaquePointer) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (index, value) in values.enumerated() {
            let code = Self.bind(value, to: statement, CInt(index + 1))
            guard code == SQLITE_OK else { throw error(code) }
        }
        return try body(statement)
    }

    private func kept(_ sql: String) throws(SQLiteError) -> OpaquePointer {
        if let statement = statements[sql] { return statement }
        let statement = try prepare(sql, flags: SQLITE_PREPARE_PERSISTENT)
        statements[sql] = statement
        return statement
    }

    private func prepare(_ sql: String, flags: CInt) throws(SQLiteError) -> OpaquePointer {
        try checkOpen()
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(flags), &statement, nil)
        guard code == SQLITE_OK else { throw error(code) }
        guard let statement else { throw SQLiteError(code: SQLITE_MISUSE, message: "there is no statement") }
        return statement
    }

    /// SQLite's own check is not in every build of it.
    private func checkOpen() throws(SQLiteError) {
        guard handle != nil else { throw SQLiteError(code: SQLITE_MISUSE, message: "the database is closed") }
    }

    /// - Returns: whether there is a row.
    private func step(_ statement: OpaquePointer) throws(SQLiteError) -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw error(code)
        }
    }

    private static func bind(_ value: SQLiteValue, to statement: OpaquePointer, _ index: CInt) -> CInt {
        switch value {
        case .integer(let number): return sqlite3_bind_int64(statement, index, number)
        case .text(var text):
            return text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    // Without an address it would be NULL.
                    guard let start = $0.baseAddress else { return arobust_sqlite_bind_text(statement, index, "", 0) }
                    return arobust_sqlite_bind_text(statement, index, start, UInt64($0.count))
                }
            }
        case .other: return sqlite3_bind_null(statement, index)
        }
    }

    private static func value(_ statement: OpaquePointer, _ column: CInt) -> SQLiteValue {
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, column))
        case SQLITE_TEXT:
            // In this order: the first may convert the text, the second tells the length of what it made.
            let start = sqlite3_column_text(statement, column)
            let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
            return .text(String(decoding: bytes, as: UTF8.self))
        default: return .other
        }
    }

    private func error(_ code: CInt) -> SQLiteError { SQLiteError(code: code, of: handle) }
}

/// A value in a database.
package enum SQLiteValue: Hashable {
    case integer(Int64)
    case text(String)
    /// Null, or of a type that no table of ours has.
    case other

    /// SQLite has only signed numbers; the same 64 bits.
    package static func unsigned(_ number: UInt64) -> SQLiteValue { .integer(Int64(bitPattern: number)) }
}

/// A row that was read.
package struct SQLiteRow {
    package let values: [SQLiteValue]

    /// `nil` if there is no text in the column.
    package func text(_ column: Int) -> String? {
        if case .text(let text) = values[column] { text } else { nil }
    }

    /// `nil` if there is no whole number in the column.
    package func integer(_ column: Int) -> Int64? {
        if case .integer(let number) = values[column] { number } else { nil }
    }
}

/// What SQLite can't do, and why.
package struct SQLiteError: Error, Hashable, CustomStringConvertible {
    /// SQLite's extended result code (https://sqlite.org/rescode.html).
    package let code: Int32
    package let message: String

    init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }

    /// With what a connection says of it.
    init(code: Int32, of handle: OpaquePointer?) {
        self.init(code: code, message: String(cString: handle == nil ? sqlite3_errstr(code) : sqlite3_errmsg(handle)))
    }

    /// Whether the file is no database, or not the one that it should be.
    package var isDamage: Bool { [SQLITE_NOTADB, SQLITE_CORRUPT, SQLITE_ERROR].contains(code & 0xFF) }

    /// Whether the deadline came first.
    package var isInterruption: Bool { code & 0xFF == SQLITE_INTERRUPT }

    package var description: String { "SQLite error \(code & 0xFF): \(message)" }
}
