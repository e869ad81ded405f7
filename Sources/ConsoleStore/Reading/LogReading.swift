internal import Diagnosis
internal import LogText
internal import SQLite

/// Lines, in the order of time and of number.
extension StoreReader {
    static let longestText = 4096
    private static let longestWholeText = 1 << 20
    /// Of at most so many streams each is read by itself.
    private static let mostStreamsMerged = 64
    /// A search that hits more is a walk through the lines instead: they are near each other then.
    private static let mostHits = 20_000
    private static let mostNewer = 50_000

    /// Where a page ended.
    struct LogCursor: Comparable {
        var time: Int64
        var id: Int64

        init(time: Int64, id: Int64) {
            self.time = time
            self.id = id
        }

        init?(_ text: String) {
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, let time = Int64(parts[0]), let id = Int64(parts[1]), time >= 0, id >= 0 else {
                return nil
            }
            self.init(time: time, id: id)
        }

        var text: String { "\(time)-\(id)" }

        static func < (left: LogCursor, right: LogCursor) -> Bool { (left.time, left.id) < (right.time, right.id) }
    }

    /// What a line must be.
    struct LogFilter {
        /// `nil`: any.
        var streams: Set<Int64>?
        var words: SearchWords
        var marked: Bool
        var since: Int64
        var until: Int64

        func takes(_ row: SQLiteStatement) -> Bool {
            if let streams, !streams.contains(row.int(2)) { return false }
            if marked, row.isNull(3) { return false }
            guard !words.isEmpty else { return true }
            return row.isNull(4)
                && row.withBytes(5) { text in
                    guard SearchWords.needsStripping(text) else { return words.matches(text) }
                    return EscapeSequences.strip(text).withUnsafeBytes { words.matches($0) }
                }
        }
    }

    private static let columns = "id, time, stream, mark, gap, text"

    func logs(_ question: LogQuestion) throws -> LogPage {
        let limit = min(max(1, question.limit), LogQuestion.mostLines)
        let filter = LogFilter(
            streams: try wantedStreams(question), words: SearchWords(question.query ?? ""), marked: question.marked,
            since: question.since.map(Self.milliseconds) ?? 0, until: question.until.map(Self.milliseconds) ?? .max)
        if let newer = question.newer { return try newerLines(newer, filter, limit) }
        var cursor: LogCursor?
        if let after = question.after {
            guard let read = LogCursor(after) else { throw Self.badCursor }
            cursor = read
        }
        guard filter.streams?.isEmpty != true, filter.since <= filter.until else {
            return LogPage(lines: [], next: nil)
        }
        if !filter.words.isEmpty, let page = try search(filter, cursor, question.descending, limit) { return page }
        var streams: [Int64?] = [nil]
        if let wanted = filter.streams, wanted.count <= Self.mostStreamsMerged, !filter.marked {
            streams = wanted.map { $0 }
        }
        return try walk(streams, filter, cursor, question.descending, limit)
    }

    /// The streams that the question names; `nil`: all.
    private func wantedStreams(_ question: LogQuestion) throws -> Set<Int64>? {
        guard !question.nodeRanks.isEmpty || !question.ranks.isEmpty || !question.types.isEmpty else { return nil }
        let all = try database.statement(
            "SELECT stream.id, node.rank, row.rank, stream.type FROM stream JOIN row ON row.id = stream.row JOIN node ON node.id = row.node"
        )
        defer { all.reset() }
        let (nodes, ranks, types) = (Set(question.nodeRanks), Set(question.ranks), Set(question.types))
        var wanted: Set<Int64> = []
        while try all.step() {
            if !nodes.isEmpty, !nodes.contains(Int(all.int(1))) { continue }
            if !ranks.isEmpty, !ranks.contains(Int(all.int(2))) { continue }
            if !types.isEmpty, !types.contains(all.text(3)) { continue }
            wanted.insert(all.int(0))
        }
        return wanted
    }

    /// Goes through the lines of each stream (`nil`: of all) and takes what fits, until the page or half of the time is over.
    private func walk(
        _ streams: [Int64?], _ filter: LogFilter, _ cursor: LogCursor?, _ descending: Bool, _ limit: Int
    ) throws -> LogPage {
        let half = ContinuousClock.now + options.questionTime / 2
        var found: [(cursor: LogCursor, entry: LogEntry)] = []
        // How far each stream was looked at: beyond the nearest of these ends, something may be missing.
        var reached: LogCursor?
        for stream in streams {
            var (taken, looked): (Int, LogCursor?) = (0, nil)
            var isOver = false
            for sql in Self.queries(stream, filter, cursor, descending) where !isOver {
                let rows = try database.passingStatement(sql)
                while try rows.step() {
                    let place = LogCursor(time: rows.int(1), id: rows.int(0))
                    looked = place
                    if filter.takes(rows) {
                        found.append((place, try entry(rows, longest: Self.longestText)))
                        taken += 1
                        isOver = taken >= limit
                    }
                    if ContinuousClock.now > half { isOver = true }
                    if isOver { break }
                }
            }
            guard isOver, let looked else { continue }
            reached = reached.map { descending ? max($0, looked) : min($0, looked) } ?? looked
        }
        if let reached { found.removeAll { descending ? $0.cursor < reached : $0.cursor > reached } }
        found.sort { descending ? $0.cursor > $1.cursor : $0.cursor < $1.cursor }
        let page = found.prefix(limit)
        let next = found.count > limit ? page.last?.cursor : reached
        return LogPage(lines: page.map(\.entry), next: next?.text)
    }

    /// One query for the rest of the cursor's millisecond, one for what comes after.
    static func queries(
        _ stream: Int64?, _ filter: LogFilter, _ cursor: LogCursor?, _ descending: Bool
    ) -> [String] {
        let index = stream != nil ? "line_stream" : filter.marked ? "line_mark" : "line_time"
        var conditions: [String] = []
        if let stream { conditions.append("stream = \(stream)") }
        if filter.marked { conditions.append("mark IS NOT NULL") }
        func query(_ more: [String]) -> String {
            let order = descending ? "time DESC, id DESC" : "time, id"
            return "SELECT \(columns) FROM line INDEXED BY \(index) WHERE "
                + (conditions + more).joined(separator: " AND ") + " ORDER BY \(order)"
        }
        let bounds = ["time >= \(filter.since)", "time <= \(filter.until)"]
        guard let cursor else { return [query(bounds)] }
        let sign = descending ? "<" : ">"
        var queries: [String] = []
        if filter.since <= cursor.time, cursor.time <= filter.until {
            queries.append(query(["time = \(cursor.time)", "id \(sign) \(cursor.id)"]))
        }
        return queries + [query(bounds + ["time \(sign) \(cursor.time)"])]
    }

    /// - Returns: `nil` if there are too many hits.
    private func search(
        _ filter: LogFilter, _ cursor: LogCursor?, _ descending: Bool, _ limit: Int
    ) throws -> LogPage? {
        // The beginning of very many words.
        guard filter.words.phrases.contains(where: { $0.contains { $0.count > 1 } }) else { return nil }
        let spans = try database.passingStatement("SELECT id FROM span WHERE last >= ? AND first <= ? ORDER BY id")
        spans.bind(1, filter.since)
        spans.bind(2, filter.until)
        var hits: [Int64] = []
        while try spans.step() {
            let span = spans.int(0)
            let rows: SQLiteStatement
            do throws(SQLiteError) {
                rows = try database.passingStatement(
                    "SELECT rowid FROM search_\(span) WHERE search_\(span) MATCH ? LIMIT \(Self.mostHits + 1 - hits.count)"
                )
            } catch {
                // Dropped meanwhile, with its lines.
                continue
            }
            rows.bind(1, filter.words.expression)
            while try rows.step() { hits.append(rows.int(0)) }
            guard hits.count <= Self.mostHits, ContinuousClock.now < deadline else { return nil }
        }
        var found: [LogCursor] = []
        for id in hits {
            let row = try database.statement("SELECT \(Self.columns) FROM line WHERE id = ?")
            row.bind(1, id)
            defer { row.reset() }
            guard try row.step() else { continue }
            let place = LogCursor(time: row.int(1), id: id)
            if let cursor, descending ? place >= cursor : place <= cursor { continue }
            if place.time >= filter.since, place.time <= filter.until, filter.takes(row) { found.append(place) }
        }
        found.sort { descending ? $0 > $1 : $0 < $1 }
        let page = try found.prefix(limit).compactMap { try line($0.id, longest: Self.longestText) }
        return LogPage(lines: page, next: found.count > limit ? found[limit - 1].text : nil)
    }

    /// What came after a line, as it came.
    private func newerLines(_ newer: Int64, _ filter: LogFilter, _ limit: Int) throws -> LogPage {
        let rows = try database.statement("SELECT \(Self.columns) FROM line WHERE id > ? ORDER BY id LIMIT ?")
        rows.bind(1, newer)
        rows.bind(2, Self.mostNewer)
        defer { rows.reset() }
        var page = LogPage(lines: [], next: nil, lastID: newer)
        var looked = 0
        while page.lines.count < limit, try rows.step() {
            looked += 1
            page.lastID = rows.int(0)
            let time = rows.int(1)
            if time >= filter.since, time <= filter.until, filter.takes(rows) {
                page.lines.append(try entry(rows, longest: Self.longestText))
            }
        }
        if page.lines.count == limit || looked == Self.mostNewer { page.next = page.lastID.map(String.init) }
        return page
    }

    // MARK: one line

    func line(_ id: Int64, context: Int) throws -> LineAnswer? {
        guard let line = try line(id, longest: Self.longestWholeText) else { return nil }
        let place = try database.statement("SELECT stream, time FROM line WHERE id = ?")
        place.bind(1, id)
        guard try place.step() else { return nil }
        let (stream, time) = (place.int(0), place.int(1))
        place.reset()
        let filter = LogFilter(streams: nil, words: SearchWords(""), marked: false, since: 0, until: .max)
        let count = min(max(0, context), 200)
        func side(_ descending: Bool) throws -> [LogEntry] {
            guard count > 0 else { return [] }
            return try walk([stream], filter, LogCursor(time: time, id: id), descending, count).lines
        }
        return LineAnswer(line: line, before: try side(true).reversed(), after: try side(false))
    }

    func line(_ id: Int64, longest: Int) throws -> LogEntry? {
        let row = try database.statement("SELECT \(Self.columns) FROM line WHERE id = ?")
        row.bind(1, id)
        defer { row.reset() }
        return try row.step() ? try entry(row, longest: longest) : nil
    }

    private func entry(_ row: SQLiteStatement, longest: Int) throws -> LogEntry {
        let (place, type) = try stream(row.int(2))
        let (text, isCut) = row.withBytes(5) { bytes in
            var end = min(bytes.count, longest)
            // Not within a character.
            while end > 0, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            return (String(decoding: bytes[..<end], as: UTF8.self), end < bytes.count)
        }
        return LogEntry(
            id: row.int(0), time: Self.seconds(row.int(1)), nodeRank: place.nodeRank, rank: place.rank, type: type,
            text: text, truncated: isCut, mark: try row.maybeInt(3).flatMap(mark), gap: try row.maybeInt(4).flatMap(gap)
        )
    }

    private func mark(_ rule: Int64) throws -> LogEntry.Mark? {
        let found = try database.statement("SELECT name, title FROM rule WHERE id = ?")
        found.bind(1, rule)
        defer { found.reset() }
        return try found.step() ? LogEntry.Mark(rule: found.text(0), title: found.text(1)) : nil
    }

    private func gap(_ id: Int64) throws -> LogEntry.Gap? {
        let found = try database.statement("SELECT epoch, first, last FROM gap WHERE id = ?")
        found.bind(1, id)
        defer { found.reset() }
        guard try found.step() else { return nil }
        let epoch = UInt64(bitPattern: found.int(0))
        let (first, last) = (UInt64(bitPattern: found.int(1)), UInt64(bitPattern: found.int(2)))
        return LogEntry.Gap(
            from: LanePosition(epoch: epoch, sequence: first), through: LanePosition(epoch: epoch, sequence: last),
            count: Int64(clamping: last - first) + 1)
    }
}
