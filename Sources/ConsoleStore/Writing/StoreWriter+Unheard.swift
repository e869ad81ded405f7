internal import SQLite

/// Drops the rows that only name and count, once nothing that is kept belongs to them and nothing was heard of them for as long as the store keeps
/// anything: nodes that were replaced, logs that were rotated away, publishers of containers that are gone. Without it they would add up for years.
extension StoreWriter {
    private static let pause = Duration.seconds(3600)

    /// Looks once an hour. A node that is heard again later is taken as a new one.
    func dropUnheard(before cutoff: Int64) throws {
        // Lines may come from clocks that are a day ahead; what was measured of them is dropped by its time.
        let cutoff = cutoff - 86_400_000
        if let last = lastLookForUnheard, last.duration(to: .now) < Self.pause { return }
        lastLookForUnheard = .now
        var gone = 0
        try database.transaction {
            for sql in Self.statements {
                let statement = try database.statement(sql)
                if sql.contains("?1") { statement.bind(1, cutoff) }
                try statement.run()
                gone += database.changes
            }
        }
        // What is known by heart would be written back.
        if gone > 0 { try forget() }
    }

    /// In this order: nothing that is kept may point to what is gone.
    private static let statements = [
        "DELETE FROM lane WHERE last_heard < ?1",
        "DELETE FROM attempt WHERE last < ?1",
        """
        DELETE FROM series WHERE coalesce(last_time, 0) < ?1
            AND NOT EXISTS (SELECT 1 FROM sample WHERE sample.series = series.id)
        """,
        "DELETE FROM stream WHERE NOT EXISTS (SELECT 1 FROM line WHERE line.stream = stream.id)",
        """
        DELETE FROM row WHERE node IN (SELECT id FROM node WHERE last_heard < ?1)
            AND id NOT IN (SELECT row FROM stream) AND id NOT IN (SELECT row FROM series) AND id NOT IN (SELECT row FROM failure)
        """,
        """
        DELETE FROM node WHERE last_heard < ?1
            AND id NOT IN (SELECT node FROM row) AND id NOT IN (SELECT node FROM lane) AND id NOT IN (SELECT node FROM gap)
            AND id NOT IN (SELECT node FROM attempt) AND id NOT IN (SELECT node FROM incident)
        """,
    ]
}
