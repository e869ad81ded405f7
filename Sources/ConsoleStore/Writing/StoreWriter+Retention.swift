internal import SQLite
internal import SystemSupport

/// Keeps the store within its bounds: the oldest goes first, in small transactions. Pages are used again, the file doesn't shrink.
extension StoreWriter {
    private static let linesOfRound: Int64 = 20_000
    private static let seriesOfRound = 500

    /// How many bytes are in use.
    func usedBytes() throws(SQLiteError) -> Int64 {
        func value(_ sql: String) throws(SQLiteError) -> Int64 {
            let statement = try database.statement(sql)
            defer { statement.reset() }
            return try statement.step() ? statement.int(0) : 0
        }
        return try (value("PRAGMA page_count") - value("PRAGMA freelist_count")) * value("PRAGMA page_size")
    }

    /// Drops something that is too old or too much.
    ///
    /// - Returns: whether there may be more to drop.
    func retainOnce(now: Int64) throws -> Bool {
        let cutoff = now - options.age.milliseconds
        if try hasLines(before: cutoff) {
            try dropOldestLines(before: cutoff)
            return true
        }
        try dropOld(before: cutoff)
        try dropUnheard(before: cutoff)
        let used = try usedBytes()
        let room = options.limitBytes
        // The last tenth is for failures, incidents and gaps.
        guard used > room - room / 10 else { return false }
        if try hasLines(before: .max) {
            try dropOldestLines(before: .max)
            return true
        }
        guard used > room else { return false }
        return try dropOldestIncident()
    }

    private func hasLines(before cutoff: Int64) throws(SQLiteError) -> Bool {
        let oldest = try database.statement("SELECT time FROM line ORDER BY id LIMIT 1")
        defer { oldest.reset() }
        return try oldest.step() && oldest.int(0) < cutoff
    }

    private func dropOldestLines(before cutoff: Int64) throws {
        try database.transaction {
            let first = try database.statement("SELECT min(id) FROM line")
            guard try first.step(), let start = first.maybeInt(0) else { return first.reset() }
            first.reset()
            let span = StoreSchema.span(of: start)
            let end = min(start + Self.linesOfRound - 1, StoreSchema.lines(of: span).upperBound)
            // Until the first that is young enough: what came later stays, even if a line of it is older.
            let young = try database.statement(
                "SELECT min(id), max(time) FROM line WHERE id BETWEEN ? AND ? AND time >= ?")
            young.bind(1, start)
            young.bind(2, end)
            young.bind(3, cutoff)
            var last = end
            if try young.step(), let id = young.maybeInt(0) { last = id - 1 }
            young.reset()
            guard last >= start else { return }
            let time = try database.statement("SELECT max(time) FROM line WHERE id BETWEEN ? AND ?")
            time.bind(1, start)
            time.bind(2, last)
            let upTo = try time.step() ? time.int(0) : 0
            time.reset()
            let removal = try database.statement("DELETE FROM line WHERE id BETWEEN ? AND ?")
            removal.bind(1, start)
            removal.bind(2, last)
            try removal.run()
            let gone = Int64(database.changes)
            dropped += UInt64(max(0, gone))
            caches.lineCount -= gone
            if span == caches.span {
                caches.spanLines -= gone
                let update = try database.statement("UPDATE span SET lines = lines - ? WHERE id = ?")
                update.bind(1, gone)
                update.bind(2, span)
                try update.run()
            } else {
                let update = try database.statement("UPDATE span SET lines = lines - ? WHERE id = ?")
                update.bind(1, gone)
                update.bind(2, span)
                try update.run()
                if last == StoreSchema.lines(of: span).upperBound { try dropSpan(span) }
            }
            // What was measured then goes with the lines of then.
            try delete("DELETE FROM activity WHERE level = 10 AND bucket < ?", upTo / 10_000)
            try delete("DELETE FROM activity WHERE level = 600 AND bucket < ?", upTo / 600_000)
            try dropSamples(before: upTo)
        }
    }

    /// The index of a span whose lines are gone.
    private func dropSpan(_ span: Int64) throws(SQLiteError) {
        try database.run(script: "DROP TABLE IF EXISTS search_\(span); DELETE FROM span WHERE id = \(span)")
    }

    /// What no line belongs to any more.
    private func dropOld(before cutoff: Int64) throws {
        try database.transaction {
            try delete("DELETE FROM activity WHERE level = 10 AND bucket < ?", cutoff / 10_000)
            try delete("DELETE FROM activity WHERE level = 600 AND bucket < ?", cutoff / 600_000)
            try delete("DELETE FROM gap WHERE time < ?", cutoff)
            try delete("DELETE FROM evidence WHERE failure IN (SELECT id FROM failure WHERE time < ?)", cutoff)
            try delete("DELETE FROM failure WHERE time < ?", cutoff)
            try delete("DELETE FROM record WHERE incident IN (SELECT id FROM incident WHERE begun < ?)", cutoff)
            try delete("DELETE FROM incident WHERE begun < ?", cutoff)
            try dropSamples(before: cutoff)
        }
    }

    /// Some series in each round, so that none takes long.
    private func dropSamples(before cutoff: Int64) throws(SQLiteError) {
        let next = try database.statement("SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ?")
        next.bind(1, retentionSeries)
        next.bind(2, Self.seriesOfRound)
        var series: [Int64] = []
        while try next.step() { series.append(next.int(0)) }
        next.reset()
        retentionSeries = series.count < Self.seriesOfRound ? 0 : series.last ?? 0
        for id in series {
            let delete = try database.statement("DELETE FROM sample WHERE series = ? AND time < ?")
            delete.bind(1, id)
            delete.bind(2, cutoff)
            try delete.run()
        }
    }

    private func dropOldestIncident() throws -> Bool {
        try database.transaction {
            let oldest = try database.statement("SELECT id FROM incident ORDER BY begun LIMIT 1")
            let id = try oldest.step() ? oldest.int(0) : nil
            oldest.reset()
            guard let id else { return false }
            try delete("DELETE FROM record WHERE incident = ?", id)
            try delete("DELETE FROM incident WHERE id = ?", id)
            return true
        }
    }

    private func delete(_ sql: String, _ value: Int64) throws(SQLiteError) {
        let statement = try database.statement(sql)
        statement.bind(1, value)
        try statement.run()
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
