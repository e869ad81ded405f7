import TestSupport
import SQLite
import Testing

@testable import Delivery

struct SQLiteDatabaseTests {
    private let scratch = ScratchFolder()

    private func database() throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(path: scratch.file("a.db"), busyTime: 0)
        try database.run(script: "CREATE TABLE IF NOT EXISTS t (name TEXT NOT NULL, number INTEGER)")
        return database
    }

    @Test(arguments: [
        "", "a", "it's \"quoted\"; DROP TABLE t", "nul\0inside", "Ünïcödé 🚀", String(repeating: "x", count: 100_000),
    ])
    func valuesComeBackAsTheyWere(text: String) throws {
        let database = try database()
        for number in [Int64.min, -1, 0, .max] {
            try database.run("INSERT INTO t VALUES (?, ?)", [.text(text), .integer(number)])
        }
        try database.run("INSERT INTO t VALUES (?, ?)", [.text(text), .other])
        try database.run("INSERT INTO t VALUES (?, ?)", [.text(text), .unsigned(.max)])
        let rows = try database.rows("SELECT name, number FROM t WHERE name = ? ORDER BY rowid", [.text(text)])
        #expect(rows.allSatisfy { $0.text(0) == text && $0.integer(0) == nil && $0.text(1) == nil })
        #expect(rows.map { $0.integer(1) } == [.min, -1, 0, .max, nil, -1])
    }

    @Test func aStatementIsUsedAgainAfterItFailed() throws {
        let database = try database()
        let insert = "INSERT INTO t VALUES (?, ?)"
        let error = #expect(throws: SQLiteError.self) { try database.run(insert, [.other, .integer(1)]) }
        #expect(error?.description == "SQLite error 19: NOT NULL constraint failed: t.name")
        #expect(error?.isDamage == false)
        try database.run(insert, [.text("a"), .integer(1)])
        // What is not bound is null, and not the value of the time before.
        #expect(throws: SQLiteError.self) { try database.run(insert) }
        #expect(try database.rows("SELECT count(*) FROM t").first?.integer(0) == 1)
    }

    @Test func aTransactionDoesAllOrNothing() throws {
        let database = try database()
        #expect(throws: CancellationError.self) {
            try database.transaction {
                try database.run("INSERT INTO t VALUES ('a', 1)")
                throw CancellationError()
            }
        }
        #expect(try database.rows("SELECT * FROM t").isEmpty)
        try database.transaction { try database.run("INSERT INTO t VALUES ('a', 1)") }
        try database.run("UPDATE t SET number = 2")
        #expect(database.changes == 1)
        #expect(try self.database().rows("SELECT number FROM t").map { $0.integer(0) } == [2])
    }

    @Test func saysWhatIsWrongWithAFile() throws {
        let noDatabase = try scratch.write(String(repeating: "no database ", count: 1000), to: "b.db")
        let error = #expect(throws: SQLiteError.self) {
            try SQLiteDatabase(path: noDatabase, busyTime: 0).rows("PRAGMA user_version")
        }
        #expect(error?.description == "SQLite error 26: file is not a database" && error?.isDamage == true)
        let nowhere = #expect(throws: SQLiteError.self) {
            try SQLiteDatabase(path: scratch.file("none/a.db"), busyTime: 0)
        }
        #expect(nowhere?.description == "SQLite error 14: unable to open database file" && nowhere?.isDamage == false)
    }

    @Test func nothingWorksOnceItIsClosed() throws {
        let database = try database()
        _ = try database.rows("SELECT 1")
        database.close()
        database.close()
        #expect(throws: SQLiteError.self) { try database.rows("SELECT 1") }
        #expect(throws: SQLiteError.self) { try database.run(script: "SELECT 1") }
        #expect(throws: SQLiteError.self) { try database.transaction {} }
    }
}
