internal import Diagnosis
private import FoundationEssentials
internal import SQLite
internal import SystemSupport
internal import TrainingProgress

/// Ranks: how each goes, and what it did in each ten seconds.
extension StoreWriter {
    static let stepSeries = "arobust_step_seconds"

    /// The row of a rank, which is made if it is new. Where a node has too many, it is the node's own.
    func row(node: Int64, rank: Int) throws(SQLiteError) -> StoreCaches.RowKey {
        let key = StoreCaches.RowKey(node: node, rank: rank)
        if caches.rows[key] != nil { return key }
        let found = try database.statement(
            "SELECT id, last_line, lines, step, step_seconds, last_step, failed FROM row WHERE node = ? AND rank = ?")
        found.bind(1, node)
        found.bind(2, rank)
        defer { found.reset() }
        if try found.step() {
            caches.rows[key] = StoreCaches.Row(
                id: found.int(0), lastLine: found.maybeInt(1), lines: found.int(2), step: found.maybeDouble(3),
                stepSeconds: found.maybeDouble(4), lastStep: found.maybeInt(5), failed: found.maybeInt(6))
            return key
        }
        if rank >= 0, let node = caches.nodes.first(where: { $0.value.id == node })?.key {
            guard caches.nodes[node]?.rows ?? 0 < Self.mostRowsOfNode else {
                return try row(node: key.node, rank: -1)
            }
            caches.nodes[node]?.rows += 1
        }
        let insert = try database.statement("INSERT INTO row(node, rank) VALUES(?, ?)")
        insert.bind(1, node)
        insert.bind(2, rank)
        try insert.run()
        caches.rows[key] = StoreCaches.Row(id: database.lastRow, lines: 0)
        caches.changed.insert(.nodes)
        return key
    }

    /// Where lines of one file (or of no file) and one rank belong.
    func stream(of row: StoreCaches.RowKey, type: String, path: String) throws(SQLiteError) -> Int64 {
        let id = caches.rows[row]?.id ?? 0
        let key = StoreCaches.StreamKey(row: id, type: type, path: path)
        if let known = caches.streams[key] { return known }
        let found = try database.statement("SELECT id FROM stream WHERE row = ? AND type = ? AND path = ?")
        found.bind(1, id)
        found.bind(2, type)
        found.bind(3, path)
        defer { found.reset() }
        if try found.step() {
            caches.streams[key] = found.int(0)
            return found.int(0)
        }
        if !path.isEmpty, let node = caches.nodes.first(where: { $0.value.id == row.node })?.key {
            guard caches.nodes[node]?.streams ?? 0 < Self.mostStreamsOfNode else {
                return try stream(of: row, type: type, path: "")
            }
            caches.nodes[node]?.streams += 1
        }
        let insert = try database.statement("INSERT INTO stream(row, type, path) VALUES(?, ?, ?)")
        insert.bind(1, id)
        insert.bind(2, type)
        insert.bind(3, path)
        try insert.run()
        caches.streams[key] = database.lastRow
        return database.lastRow
    }

    /// Of which rank a node's file is, as a collector told.
    func knownRank(of path: String, node: Int64) -> Int? {
        caches.rankOfPath[StoreCaches.StreamKey(row: node, type: "", path: path)]
    }

    func count(line time: Int64, of row: StoreCaches.RowKey) {
        guard var known = caches.rows[row] else { return }
        known.lines += 1
        known.lastLine = max(known.lastLine ?? time, time)
        caches.rows[row] = known
        caches.changedRows.insert(row)
        caches.activity[StoreCaches.ActivityKey(bucket: time / 10_000, row: known.id), default: .init()].lines += 1
    }

    func mark(_ mark: Int, at time: Int64, row: Int64) {
        let key = StoreCaches.ActivityKey(bucket: time / 10_000, row: row)
        let highest = max(caches.activity[key]?.mark ?? 0, mark)
        caches.activity[key, default: .init()].mark = highest
    }

    /// A line of progress.
    func note(_ reading: ProgressReading, at time: Int64, of row: StoreCaches.RowKey) throws(SQLiteError) {
        guard reading.event == .step, let step = reading.step ?? reading.epoch, var known = caches.rows[row] else {
            return
        }
        var seconds = reading.stepSeconds
        var steps = 1.0
        if let last = known.step, let lastTime = known.lastStep, step > last, time > lastTime, step - last < 1e6 {
            steps = step - last
            seconds = seconds ?? Double(time - lastTime) / 1000 / steps
        }
        defer {
            caches.rows[row] = known
            caches.changedRows.insert(row)
            caches.changed.insert(.metrics)
        }
        known.step = step
        // It went on.
        known.failed = nil
        known.lastStep = max(known.lastStep ?? time, time)
        guard let seconds, seconds.isFinite, seconds >= 0, seconds < 1e7 else { return }
        known.stepSeconds = seconds
        let key = StoreCaches.ActivityKey(bucket: time / 10_000, row: known.id)
        caches.activity[key, default: .init()].steps += Int64(steps)
        caches.activity[key]?.seconds += seconds * steps
        try addSample(Self.stepSeries, row: row, labels: "{}", time: time, value: seconds)
    }

    /// What a collector tells of a training: a sentence, and a line of JSON.
    ///
    /// - Returns: of which rank it is.
    func noteProgress(_ content: String, of envelope: StoredEnvelope) throws(SQLiteError) -> Int? {
        let lines = content.split(separator: "\n", maxSplits: 1)
        guard lines.count == 2, lines[1].hasPrefix("{"), lines[1].utf8.count < 64 << 10,
            let snapshot = try? JSONDecoder().decode(ProgressSnapshot.self, from: Data(lines[1].utf8))
        else { return nil }
        let rank = try rankOfLines(in: snapshot.path, node: envelope.node) ?? snapshot.rank
        let file = StoreCaches.StreamKey(row: envelope.node, type: "", path: snapshot.path)
        if let rank, rank >= 0, caches.rankOfPath.count < 100_000 { caches.rankOfPath[file] = rank }
        let row = try row(node: envelope.node, rank: rank ?? -1)
        guard var known = caches.rows[row] else { return rank }
        known.step = snapshot.step ?? known.step
        known.stepSeconds = snapshot.stepSeconds ?? known.stepSeconds
        if let last = snapshot.lastStepTime, last.isFinite, abs(last) < 1e11 {
            known.lastStep = max(known.lastStep ?? 0, Int64(last * 1000))
        }
        caches.rows[row] = known
        caches.changedRows.insert(row)
        let isAlarm = snapshot.state == .silent || snapshot.state == .slow
        let update = try database.statement("UPDATE row SET state = ?, alarm = ?, told = ? WHERE id = ?")
        update.bind(1, snapshot.state.rawValue)
        update.bind(2, isAlarm ? String(lines[0].prefix(500)) : nil)
        update.bind(3, envelope.time)
        update.bind(4, known.id)
        try update.run()
        if isAlarm { mark(1, at: envelope.time, row: known.id) }
        let attempt = try database.statement(
            """
            UPDATE attempt SET goodput = ?, lost = ?, steps = max(coalesce(steps, 0), coalesce(?, 0)), last = max(last, ?)
                WHERE id = (SELECT id FROM attempt WHERE node = ? ORDER BY last DESC, attempt DESC LIMIT 1)
            """)
        attempt.bind(1, snapshot.goodput)
        attempt.bind(2, snapshot.lostSeconds)
        attempt.bind(3, snapshot.step)
        attempt.bind(4, envelope.time)
        attempt.bind(5, envelope.node)
        try attempt.run()
        caches.changed.formUnion([.metrics, .nodes])
        return rank
    }

    /// Under which rank a file's lines stand already.
    private func rankOfLines(in path: String, node: Int64) throws(SQLiteError) -> Int? {
        let found = try database.statement(
            """
            SELECT rank FROM stream JOIN row ON row.id = stream.row WHERE node = ? AND type = 'TRAINING_LOG' AND path = ? AND rank >= 0 LIMIT 2
            """)
        found.bind(1, node)
        found.bind(2, path)
        defer { found.reset() }
        guard try found.step() else { return nil }
        let rank = Int(found.int(0))
        // A log of several ranks is of none of them.
        return try found.step() ? nil : rank
    }

    // MARK: the end of a transaction

    func flushRows() throws(SQLiteError) {
        for key in caches.changedRows {
            guard let row = caches.rows[key] else { continue }
            let update = try database.statement(
                "UPDATE row SET last_line = ?, lines = ?, step = ?, step_seconds = ?, last_step = ?, failed = ? WHERE id = ?"
            )
            update.bind(1, row.lastLine)
            update.bind(2, row.lines)
            update.bind(3, row.step)
            update.bind(4, row.stepSeconds)
            update.bind(5, row.lastStep)
            update.bind(6, row.failed)
            update.bind(7, row.id)
            try update.run()
        }
        caches.changedRows = []
    }

    func flushActivity() throws(SQLiteError) {
        for (key, activity) in caches.activity {
            for level in [10, 600] as [Int64] {
                let add = try database.statement(
                    """
                    INSERT INTO activity(level, bucket, row, lines, steps, seconds, mark) VALUES(?, ?, ?, ?, ?, ?, ?)
                        ON CONFLICT(level, bucket, row) DO UPDATE SET lines = lines + excluded.lines, steps = steps + excluded.steps,
                            seconds = seconds + excluded.seconds, mark = max(mark, excluded.mark)
                    """)
                add.bind(1, level)
                add.bind(2, key.bucket * 10 / level)
                add.bind(3, key.row)
                add.bind(4, activity.lines)
                add.bind(5, activity.steps)
                add.bind(6, activity.seconds)
                add.bind(7, activity.mark)
                try add.run()
            }
        }
        caches.activity = [:]
    }
}
