private import CSQLite

/// One statement of a `SQLiteDatabase`, for rows and values in large numbers: nothing is allocated for each.
///
/// Values are bound by their place, from 1; columns are read from 0, until the next step.
package final class SQLiteStatement {
    private var statement: OpaquePointer?
    private let handle: OpaquePointer?
    private let isPassing: Bool

    init(_ statement: OpaquePointer, of handle: OpaquePointer?, isPassing: Bool = false) {
        self.statement = statement
        self.handle = handle
        self.isPassing = isPassing
    }

    deinit { if isPassing { finish() } }

    func finish() {
        sqlite3_finalize(statement)
        statement = nil
    }

    /// Makes it ready for the next use; nothing is bound.
    package func reset() {
        sqlite3_reset(statement)
        sqlite3_clear_bindings(statement)
    }

    // MARK: values

    package func bind(_ place: Int, _ number: Int64) { sqlite3_bind_int64(statement, CInt(place), number) }

    package func bind(_ place: Int, _ number: Int) { bind(place, Int64(number)) }

    package func bind(_ place: Int, _ number: Int64?) {
        if let number { bind(place, number) } else { sqlite3_bind_null(statement, CInt(place)) }
    }

    package func bind(_ place: Int, _ number: Int?) { bind(place, number.map(Int64.init)) }

    package func bind(_ place: Int, _ number: Double?) {
        if let number {
            sqlite3_bind_double(statement, CInt(place), number)
        } else {
            sqlite3_bind_null(statement, CInt(place))
        }
    }

    package func bind(_ place: Int, _ text: String?) {
        guard var text else { return _ = sqlite3_bind_null(statement, CInt(place)) }
        text.withUTF8 { bind(place, text: UnsafeRawBufferPointer($0)) }
    }

    /// The bytes are copied; they must be UTF-8.
    package func bind(_ place: Int, text: UnsafeRawBufferPointer) {
        guard let start = text.baseAddress else {
            arobust_sqlite_bind_text(statement, CInt(place), "", 0)
            return
        }
        let count = UInt64(text.count)
        arobust_sqlite_bind_text(statement, CInt(place), start.assumingMemoryBound(to: CChar.self), count)
    }

    // MARK: rows

    /// - Returns: whether there is a row.
    package func step() throws(SQLiteError) -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            let error = SQLiteError(code: code, of: handle)
            sqlite3_reset(statement)
            throw error
        }
    }

    /// Executes it and makes it ready for the next use.
    package func run() throws(SQLiteError) {
        while try step() {}
        reset()
    }

    package func isNull(_ column: Int) -> Bool { sqlite3_column_type(statement, CInt(column)) == SQLITE_NULL }

    package func int(_ column: Int) -> Int64 { sqlite3_column_int64(statement, CInt(column)) }

    package func double(_ column: Int) -> Double { sqlite3_column_double(statement, CInt(column)) }

    package func maybeInt(_ column: Int) -> Int64? { isNull(column) ? nil : int(column) }

    package func maybeDouble(_ column: Int) -> Double? { isNull(column) ? nil : double(column) }

    package func text(_ column: Int) -> String { withBytes(column) { String(decoding: $0, as: UTF8.self) } }

    package func maybeText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }

    /// The bytes of a text, valid during `body`.
    package func withBytes<Result>(_ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        // In this order: the first may convert the text, the second tells the length of what it made.
        let start = sqlite3_column_text(statement, CInt(column))
        let count = Int(sqlite3_column_bytes(statement, CInt(column)))
        return try body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }
}
