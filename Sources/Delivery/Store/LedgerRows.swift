internal import Diagnosis
internal import SystemSupport
internal import SQLite

/// Reads and writes the rows of a consumer's database.
enum LedgerRows {
    /// A kind of account row beside those of the fates.
    private static let changedKind = "changed"

    // MARK: reading

    static func consumer(in database: SQLiteDatabase) throws -> String? {
        try database.rows("SELECT name FROM consumer").first?.text(0)
    }

    static func lanes(in database: SQLiteDatabase) throws -> [Lane: StoredLane] {
        var lanes: [Lane: StoredLane] = [:]
        for row in try database.rows(
            "SELECT publisher, data_type, origin_epoch, origin_sequence, cursor_epoch, cursor_sequence FROM lane")
        {
            lanes[try lane(row)] = StoredLane(
                origin: LanePosition(epoch: try number(row, 2), sequence: try number(row, 3)),
                cursor: LanePosition(epoch: try number(row, 4), sequence: try number(row, 5)))
        }
        for row in try database.rows("SELECT publisher, data_type, kind, reason, count FROM account") {
            let (kind, reason, count) = (try text(row, 2), try text(row, 3), try number(row, 4))
            if kind == changedKind {
                lanes[try lane(row)]?.counts.changed[reason] = count
            } else if let fate = Fate(kind: kind, reason: reason) {
                lanes[try lane(row)]?.counts.add(count, as: fate)
            } else {
                throw LedgerDatabaseError.damaged("an account has the kind '\(kind)'")
            }
        }
        for row in try database.rows(
            "SELECT publisher, data_type, epoch, first, last FROM ahead ORDER BY epoch, first")
        {
            let range = SequenceRange(
                epoch: try number(row, 2), first: try number(row, 3), last: try number(row, 4))
            guard range.first <= range.last, range.last < .max else {
                throw LedgerDatabaseError.damaged("a range ends before it begins")
            }
            lanes[try lane(row)]?.ahead.append(range)
        }
        return lanes
    }

    static func rangeCounts(in database: SQLiteDatabase) throws -> [Lane: Int] {
        var counts: [Lane: Int] = [:]
        for row in try database.rows(
            "SELECT publisher, data_type, count(*) FROM ranges GROUP BY publisher, data_type")
        {
            counts[try lane(row)] = Int(clamping: try number(row, 2))
        }
        return counts
    }

    private static func lane(_ row: SQLiteRow) throws -> Lane {
        guard let publisher = PublisherID(try text(row, 0)) else {
            throw LedgerDatabaseError.damaged("'\(try text(row, 0))' is no publisher's id")
        }
        return Lane(publisher: publisher, dataType: DiagnosisDataType(rawValue: try text(row, 1)))
    }

    static func text(_ row: SQLiteRow, _ index: Int) throws -> String {
        guard let text = row.text(index) else {
            throw LedgerDatabaseError.damaged("a text is missing")
        }
        return text
    }

    static func number(_ row: SQLiteRow, _ index: Int) throws -> UInt64 {
        guard let number = row.integer(index) else {
            throw LedgerDatabaseError.damaged("a number is missing")
        }
        return UInt64(bitPattern: number)
    }

    // MARK: writing

    /// Writes what has changed of a lane since the last commit.
    static func write(_ commit: LaneCommit, of lane: Lane, in database: SQLiteDatabase) throws {
        let publisher = lane.publisher.description
        let type = lane.dataType.rawValue
        let now = commit.lane
        if commit.before?.cursor != now.cursor || commit.before?.origin != now.origin {
            try database.run(
                "INSERT OR REPLACE INTO lane VALUES (?, ?, ?, ?, ?, ?)",
                [
                    .text(publisher), .text(type), .unsigned(now.origin.epoch), .unsigned(now.origin.sequence),
                    .unsigned(now.cursor.epoch), .unsigned(now.cursor.sequence),
                ])
        }
        let counts = now.counts.rows
        let before = commit.before?.counts.rows ?? [:]
        for (fate, count) in counts where before[fate] != count {
            try database.run(
                "INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?, ?)",
                [.text(publisher), .text(type), .text(fate.kind), .text(fate.reason), .unsigned(count)])
        }
        for (name, count) in now.counts.changed where commit.before?.counts.changed[name] != count {
            try database.run(
                "INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?, ?)",
                [.text(publisher), .text(type), .text(changedKind), .text(name), .unsigned(count)])
        }
        try writeAhead(now.ahead, before: commit.before?.ahead ?? [], publisher: publisher, type: type, in: database)
    }

    /// Both lists are in order; only rows that differ are touched.
    private static func writeAhead(
        _ ahead: [SequenceRange], before: [SequenceRange], publisher: String, type: String, in database: SQLiteDatabase
    ) throws {
        guard ahead != before else { return }
        var old = before[...]
        var new = ahead[...]
        while old.first != nil || new.first != nil {
            let oldStart = old.first?.start
            let newStart = new.first?.start
            if let range = old.first, newStart.map({ range.start < $0 }) ?? true {
                try database.run(
                    "DELETE FROM ahead WHERE publisher = ? AND data_type = ? AND epoch = ? AND first = ?",
                    [.text(publisher), .text(type), .unsigned(range.epoch), .unsigned(range.first)])
                old.removeFirst()
                continue
            }
            if let range = new.first, oldStart != newStart || old.first != range {
                try database.run(
                    "INSERT OR REPLACE INTO ahead VALUES (?, ?, ?, ?, ?)",
                    [
                        .text(publisher), .text(type), .unsigned(range.epoch), .unsigned(range.first),
                        .unsigned(range.last),
                    ])
            }
            if oldStart == newStart { old.removeFirst() }
            new.removeFirst()
        }
    }

    /// Writes a range, or extends the row that it follows without a hole.
    ///
    /// - Returns: whether it became a new row.
    static func append(_ range: LedgerRange, of lane: Lane, in database: SQLiteDatabase) throws -> Bool {
        let publisher = lane.publisher.description
        let type = lane.dataType.rawValue
        let time = TimeText.write(range.time)
        try database.run(
            """
            UPDATE ranges SET last_epoch = ?, last = ?, count = count + ?, time = ?
            WHERE publisher = ? AND data_type = ? AND last_epoch = ? AND last = ? AND kind = ? AND reason = ?
            """,
            [
                .unsigned(range.last.epoch), .unsigned(range.last.sequence), .unsigned(range.count),
                .text(time), .text(publisher), .text(type),
                .unsigned(range.first.epoch), .unsigned(range.first.sequence &- 1), .text(range.fate.kind),
                .text(range.fate.reason),
            ])
        if database.changes > 0 { return false }
        try database.run(
            """
            INSERT INTO ranges (publisher, data_type, epoch, first, last_epoch, last, count, kind, reason, time)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(publisher), .text(type), .unsigned(range.first.epoch), .unsigned(range.first.sequence),
                .unsigned(range.last.epoch),
                .unsigned(range.last.sequence), .unsigned(range.count), .text(range.fate.kind),
                .text(range.fate.reason), .text(time),
            ])
        return true
    }

    /// Joins the oldest rows of a lane into one for each reason.
    ///
    /// - Returns: how many rows were removed.
    static func joinOldest(_ number: Int, of lane: Lane, in database: SQLiteDatabase) throws -> Int {
        let rows = try database.rows(
            """
            SELECT id, epoch, first, last_epoch, last, count, kind, reason, time FROM ranges
            WHERE publisher = ? AND data_type = ? ORDER BY last_epoch, last LIMIT ?
            """, [.text(lane.publisher.description), .text(lane.dataType.rawValue), .integer(Int64(number))])
        var firstRows: [String: Int64] = [:]
        for row in rows {
            let id = row.integer(0) ?? 0
            let reason = "\(try text(row, 6)) \(try text(row, 7))"
            guard let first = firstRows[reason] else {
                firstRows[reason] = id
                continue
            }
            try database.run(
                "UPDATE ranges SET last_epoch = ?, last = ?, count = count + ?, time = ? WHERE id = ?",
                row.values[3...5] + [row.values[8], .integer(first)])
            try database.run("DELETE FROM ranges WHERE id = ?", [.integer(id)])
        }
        return max(1, rows.count - firstRows.count)
    }

}

extension LaneCounts {
    /// A row for each fate that occurs.
    fileprivate var rows: [Fate: UInt64] {
        var rows: [Fate: UInt64] = [:]
        if delivered > 0 { rows[.delivered] = delivered }
        for (rule, count) in skipped { rows[.skipped(rule)] = count }
        for (reason, count) in lost { rows[.lost(reason)] = count }
        return rows
    }
}

/// Reads and writes the marks of slots in a consumer's database.
enum SlotRows {
    static func marks(in database: SQLiteDatabase) throws -> [SlotMark] {
        try database.rows(
            "SELECT data_type, node_type, node_rank, start, publisher, epoch, sequence FROM slot"
        ).map { row in
            guard let publisher = PublisherID(try LedgerRows.text(row, 4)) else {
                throw LedgerDatabaseError.damaged("a slot has no publisher's id")
            }
            let type = DiagnosisDataType(rawValue: try LedgerRows.text(row, 0))
            return SlotMark(
                slot: SampleSlot(
                    dataType: type, nodeType: try LedgerRows.text(row, 1),
                    nodeRank: Int(Int64(bitPattern: try LedgerRows.number(row, 2))),
                    start: Int64(bitPattern: try LedgerRows.number(row, 3))),
                lane: Lane(publisher: publisher, dataType: type),
                position: LanePosition(
                    epoch: try LedgerRows.number(row, 5), sequence: try LedgerRows.number(row, 6)))
        }
    }

    static func write(_ change: SlotChange, in database: SQLiteDatabase) throws {
        switch change {
        case .mark(let mark):
            try database.run(
                "INSERT OR REPLACE INTO slot VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    .text(mark.slot.dataType.rawValue), .text(mark.slot.nodeType), .integer(Int64(mark.slot.nodeRank)),
                    .integer(mark.slot.start),
                    .text(mark.lane.publisher.description), .unsigned(mark.position.epoch),
                    .unsigned(mark.position.sequence),
                ])
            try database.run(
                "DELETE FROM slot WHERE data_type = ? AND node_type = ? AND node_rank = ? AND start < ?",
                [
                    .text(mark.slot.dataType.rawValue), .text(mark.slot.nodeType), .integer(Int64(mark.slot.nodeRank)),
                    .integer(SlotOwners.oldest(before: mark)),
                ])
        case .withdraw(let mark):
            try database.run(
                "DELETE FROM slot WHERE data_type = ? AND node_type = ? AND node_rank = ? AND start = ?",
                [
                    .text(mark.slot.dataType.rawValue), .text(mark.slot.nodeType), .integer(Int64(mark.slot.nodeRank)),
                    .integer(mark.slot.start),
                ])
        }
    }
}
