internal import Diagnosis
internal import FailureDiagnosis
private import FoundationEssentials
internal import Hang
internal import SQLite
internal import SystemSupport

/// Failures, incidents and attempts: what is kept longest.
extension StoreWriter {
    /// Lines of one rule and rank this near are one failure, in milliseconds.
    private static let together: Int64 = 60_000
    private static let mostEvidence = 20
    private static let longestEvidence = 1000
    private static let mostRecordsOfIncident = 20_000

    /// The number of a rule in this store.
    func ruleNumber(_ name: String) throws(SQLiteError) -> Int64 {
        if let known = caches.rules[name] { return known }
        let rule = rules[name]
        let insert = try database.statement(
            """
            INSERT INTO rule(name, title, category, action) VALUES(?, ?, ?, ?)
                ON CONFLICT(name) DO UPDATE SET title = excluded.title, category = excluded.category, action = excluded.action
            """)
        insert.bind(1, name)
        insert.bind(2, rule?.title ?? "An alarm of arobust")
        insert.bind(3, rule?.domain.rawValue ?? "alarm")
        insert.bind(4, rule?.action.rawValue)
        try insert.run()
        let found = try database.statement("SELECT id FROM rule WHERE name = ?")
        found.bind(1, name)
        defer { found.reset() }
        let number = try found.step() ? found.int(0) : 0
        caches.rules[name] = number
        return number
    }

    /// What an alarm says to people; further lines are for programs.
    private static func firstLine(of text: UnsafeRawBufferPointer) -> String {
        let line = text.prefix(longestTitle).prefix { $0 != UInt8(ascii: "\n") }
        return TerminalText.line(String(decoding: line, as: UTF8.self))
    }

    private static let longestTitle = 300

    func noteFailure(
        line: Int64, time: Int64, row key: StoreCaches.RowKey, rule: Int64, isRoot: Bool, text: UnsafeRawBufferPointer,
        isAlarm: Bool = false
    ) throws(SQLiteError) {
        guard let row = caches.rows[key]?.id else { return }
        let shown = TerminalText.line(String(decoding: text.prefix(Self.longestEvidence), as: UTF8.self))
        if isRoot {
            let last = max(caches.rows[key]?.failed ?? 0, time)
            caches.rows[key]?.failed = last
            caches.changedRows.insert(key)
        }
        mark(isRoot ? 3 : isAlarm ? 1 : 0, at: time, row: row)
        caches.changed.insert(.failures)
        var failure: Int64 = 0
        var count: Int64 = 1
        let open = try database.statement(
            "SELECT id, count FROM failure WHERE row = ? AND rule = ? AND last >= ? ORDER BY last DESC LIMIT 1")
        open.bind(1, row)
        open.bind(2, rule)
        open.bind(3, time - Self.together)
        let isKnown = try open.step()
        if isKnown { (failure, count) = (open.int(0), open.int(1) + 1) }
        open.reset()
        if isKnown {
            let update = try database.statement(
                "UPDATE failure SET count = ?, last = max(last, ?), root = max(root, ?) WHERE id = ?")
            update.bind(1, count)
            update.bind(2, time)
            update.bind(3, isRoot ? 1 : 0)
            update.bind(4, failure)
            try update.run()
        } else {
            let insert = try database.statement(
                "INSERT INTO failure(time, last, row, rule, title, root, count) VALUES(?, ?, ?, ?, ?, ?, 1)")
            insert.bind(1, time)
            insert.bind(2, time)
            insert.bind(3, row)
            insert.bind(4, rule)
            // An alarm is its own title.
            insert.bind(5, isAlarm ? Self.firstLine(of: text) : nil)
            insert.bind(6, isRoot ? 1 : 0)
            try insert.run()
            failure = database.lastRow
        }
        guard count <= Self.mostEvidence else { return }
        let evidence = try database.statement(
            "INSERT OR IGNORE INTO evidence(failure, line, time, text) VALUES(?, ?, ?, ?)")
        evidence.bind(1, failure)
        evidence.bind(2, line)
        evidence.bind(3, time)
        evidence.bind(4, shown)
        try evidence.run()
    }

    /// A piece of an incident.
    func keepRecord(_ content: String, of envelope: StoredEnvelope) throws {
        // What is no record is kept as a text, so that somebody may see it.
        guard let record = IncidentRecord(content: content), record.number >= 0,
            record.number < Self.mostRecordsOfIncident, (1...128).contains(record.incident.utf8.count)
        else { return try keepText(content, of: envelope) }
        let begin = try database.statement("INSERT OR IGNORE INTO incident(node, name, begun) VALUES(?, ?, ?)")
        begin.bind(1, envelope.node)
        begin.bind(2, record.incident)
        begin.bind(3, (record.triggers?.first?.time).map { $0 &* 1000 } ?? envelope.time)
        try begin.run()
        let found = try database.statement("SELECT id FROM incident WHERE name = ? AND node = ?")
        found.bind(1, record.incident)
        found.bind(2, envelope.node)
        let id = try found.step() ? found.int(0) : 0
        found.reset()
        let insert = try database.statement(
            "INSERT OR IGNORE INTO record(incident, number, kind, content) VALUES(?, ?, ?, ?)")
        insert.bind(1, id)
        insert.bind(2, record.number)
        insert.bind(3, record.piece?.kind.rawValue)
        insert.bind(4, content)
        try insert.run()
        guard database.changes > 0 else { return }
        let update = try database.statement(
            """
            UPDATE incident SET pieces = pieces + ?, missing = missing + ?, triggers = substr(triggers || ?, 1, 4000),
                sentence = coalesce(?, sentence), hang = max(hang, ?), ended = coalesce(?, ended) WHERE id = ?
            """)
        let triggers = (record.triggers ?? []).map { TerminalText.line($0.text) + "\n" }.joined()
        update.bind(1, record.piece == nil ? 0 : 1)
        update.bind(2, record.piece?.missing == nil ? 0 : 1)
        update.bind(3, triggers)
        update.bind(4, record.end?.sentence)
        update.bind(5, record.end?.hang == true ? 1 : 0)
        update.bind(6, record.end.map { $0.time &* 1000 })
        update.bind(7, id)
        try update.run()
        if record.end?.hang == true {
            let hung = try database.statement("UPDATE row SET hung = ? WHERE node = ?")
            hung.bind(1, envelope.time)
            hung.bind(2, envelope.node)
            try hung.run()
            for (key, row) in caches.rows where key.node == envelope.node { mark(2, at: envelope.time, row: row.id) }
        }
        caches.changed.insert(.incidents)
    }

    /// torchrun's attempt, as a log's path tells it.
    func noteAttempt(run: String?, _ attempt: Int, node: Int64, at time: Int64) throws(SQLiteError) {
        let update = try database.statement(
            """
            INSERT INTO attempt(run, attempt, node, first, last) VALUES(?, ?, ?, ?, ?)
                ON CONFLICT(run, attempt, node) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)
            """)
        update.bind(1, String((run ?? "").prefix(256)))
        update.bind(2, attempt)
        update.bind(3, node)
        update.bind(4, time)
        update.bind(5, time)
        try update.run()
    }
}
