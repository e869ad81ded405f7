internal import Diagnosis
internal import FailureDiagnosis
private import Glibc
internal import LogText
internal import SQLite
internal import SystemSupport
internal import TrainingProgress

/// Lines of logs, and texts of other types.
extension StoreWriter {
    /// What is searched of a line: the rest of a longer one is kept, but not found by its words.
    static let searchedBytes = 64 << 10
    /// A time of a line that is further away from its envelope's is no time of this line, in milliseconds.
    private static let longestPast: Int64 = 7 * 86_400_000
    private static let longestFuture: Int64 = 60_000

    /// One row a line.
    func keepLines(_ content: String, of envelope: StoredEnvelope) throws {
        var content = content
        // Copies nothing: the content is a native string.
        try content.withUTF8 { utf8 in
            try keepLines(UnsafeRawBufferPointer(utf8), of: envelope)
        }
    }

    private func keepLines(_ bytes: UnsafeRawBufferPointer, of envelope: StoredEnvelope) throws(SQLiteError) {
        let path = envelope.origin?.path ?? ""
        let usual = envelope.origin?.localRank ?? knownRank(of: path, node: envelope.node) ?? -1
        var places: [Int: (row: StoreCaches.RowKey, stream: Int64)] = [:]
        func place(_ rank: Int) throws(SQLiteError) -> (row: StoreCaches.RowKey, stream: Int64) {
            if let known = places[rank] { return known }
            let row = try row(node: envelope.node, rank: rank)
            let stream = try stream(of: row, type: envelope.type.rawValue, path: path)
            places[rank] = (row, stream)
            return (row, stream)
        }
        let usualPlace = try place(usual)
        let judged = watch.judge(bytes).filter { $0.weight != .none }
        var profile = caches.profiles[usualPlace.stream]
        let steps = StepLines(in: bytes, of: profiles, profile: &profile).lines
        caches.profiles[usualPlace.stream] = profile
        let clock = LogTime(clock: .system)
        var time = startTime(of: envelope, bytes, clock)
        var (start, nextJudged, nextStep) = (0, 0, 0)
        while start < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            let length =
                rest.baseAddress.flatMap {
                    memchr($0, 0x0A, rest.count).map { UnsafeRawPointer($0) - rest.baseAddress! }
                }
                ?? rest.count
            let line = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)])
            let end = start + length
            defer { start = end + 1 }
            if let own = ownTime(of: line, in: envelope, clock) { time = max(time, own) }
            let rank = Self.mayNameRank(line) ? LinePrefix(line).rank ?? usual : usual
            let (row, stream) = try place(rank)
            var hit: JudgedLine?
            while nextJudged < judged.count, judged[nextJudged].line.lowerBound < end {
                // The strongest of a line.
                if hit?.weight != .rootCause { hit = judged[nextJudged] }
                nextJudged += 1
            }
            let mark = try hit.map { judged throws(SQLiteError) in try ruleNumber(judged.rule) }
            let id = try addLine(line, stream: stream, time: time, mark: mark, gap: nil)
            count(line: time, of: row)
            if let hit, let mark {
                try noteFailure(
                    line: id, time: time, row: row, rule: mark, isRoot: hit.weight == .rootCause, text: line)
            }
            while nextStep < steps.count, steps[nextStep].line.lowerBound < end {
                let step = steps[nextStep]
                let stepRow = try step.rank.map { rank throws(SQLiteError) in try place(rank).row } ?? row
                try note(step.reading, at: time, of: stepRow)
                nextStep += 1
            }
        }
        caches.changed.insert(.logs)
    }

    /// Whether a prefix may stand before the program's text: most lines of most logs have none.
    private static func mayNameRank(_ line: UnsafeRawBufferPointer) -> Bool {
        guard let first = line.first else { return false }
        return first == UInt8(ascii: "[") || first == UInt8(ascii: "(") || first &- 0x30 < 10 || first == 0x20
    }

    /// The time of the first lines: what the collector says, else that of the first line near the beginning that says one.
    private func startTime(of envelope: StoredEnvelope, _ bytes: UnsafeRawBufferPointer, _ clock: LogTime) -> Int64 {
        if let first = envelope.origin?.firstTime, first.isFinite, abs(first) < 1e11 {
            let own = Int64(first * 1000)
            return Self.isNear(own, envelope) ? own : envelope.time
        }
        var rest = bytes
        for _ in 0..<Self.linesToAFirstTime where rest.count > 0 {
            let line = UnsafeRawBufferPointer(rebasing: rest.prefix { $0 != UInt8(ascii: "\n") })
            if let own = ownTime(of: line, in: envelope, clock) { return own }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(line.count + 1))
        }
        return envelope.time
    }

    private static let linesToAFirstTime = 20

    private func ownTime(
        of line: UnsafeRawBufferPointer, in envelope: StoredEnvelope, _ clock: LogTime
    ) -> Int64? {
        guard let own = clock.read(line).flatMap({ Int64(exactly: ($0 * 1000).rounded()) }),
            Self.isNear(own, envelope)
        else { return nil }
        return own
    }

    private static func isNear(_ time: Int64, _ envelope: StoredEnvelope) -> Bool {
        time <= envelope.time + longestFuture && time >= envelope.time - longestPast
    }

    /// One row an envelope.
    func keepText(_ content: String, of envelope: StoredEnvelope) throws {
        var rank = -1
        if envelope.type == .generic { rank = try noteProgress(content, of: envelope) ?? -1 }
        let row = try row(node: envelope.node, rank: rank)
        let stream = try stream(of: row, type: envelope.type.rawValue, path: envelope.origin?.path ?? "")
        var content = content
        let alarm = "arobust alarm: "
        let isAlarm = content.hasPrefix(alarm)
        let mark = isAlarm ? try ruleNumber("arobust.alarm") : nil
        try content.withUTF8 { utf8 in
            let bytes = UnsafeRawBufferPointer(utf8)
            let id = try addLine(bytes, stream: stream, time: envelope.time, mark: mark, gap: nil)
            guard let mark else { return }
            try noteFailure(
                line: id, time: envelope.time, row: row, rule: mark, isRoot: false,
                text: UnsafeRawBufferPointer(rebasing: bytes.dropFirst(alarm.utf8.count)), isAlarm: true)
        }
        if envelope.type == .stackTrace { caches.changed.insert(.incidents) }
        caches.changed.insert(.logs)
    }

    /// - Returns: the line's number.
    func addLine(
        _ text: UnsafeRawBufferPointer, stream: Int64, time: Int64, mark: Int64?, gap: Int64?
    ) throws(SQLiteError) -> Int64 {
        let id = caches.nextLine
        caches.nextLine += 1
        if StoreSchema.span(of: id) != caches.span {
            try flushSpan()
            try openSpan(StoreSchema.span(of: id))
        }
        caches.spanFirst = min(caches.spanFirst, time)
        caches.spanLast = max(caches.spanLast, time)
        caches.spanLines += 1
        caches.lineCount += 1
        let insert = try database.statement(
            "INSERT INTO line(id, time, stream, mark, gap, text) VALUES(?, ?, ?, ?, ?, ?)")
        insert.bind(1, id)
        insert.bind(2, time)
        insert.bind(3, stream)
        insert.bind(4, mark)
        insert.bind(5, gap)
        insert.bind(6, text: text)
        try insert.run()
        guard gap == nil, !text.isEmpty else { return id }
        let search = try database.statement("INSERT INTO search_\(caches.span)(rowid, text) VALUES(?, ?)")
        search.bind(1, id)
        let head = UnsafeRawBufferPointer(rebasing: text.prefix(Self.searchedBytes))
        if SearchWords.needsStripping(head) {
            EscapeSequences.strip(head).withUnsafeBytes { search.bind(2, text: $0) }
        } else {
            search.bind(2, text: head)
        }
        try search.run()
        return id
    }

    // MARK: spans

    func openSpan(_ span: Int64) throws(SQLiteError) {
        let found = try database.statement("SELECT first, last, lines FROM span WHERE id = ?")
        found.bind(1, span)
        defer { found.reset() }
        caches.span = span
        if try found.step() {
            (caches.spanFirst, caches.spanLast, caches.spanLines) = (found.int(0), found.int(1), found.int(2))
        } else {
            (caches.spanFirst, caches.spanLast, caches.spanLines) = (.max, .min, 0)
        }
        try StoreSchema.makeSearch(of: span, in: database)
    }

    func flushSpan() throws(SQLiteError) {
        guard caches.spanLines > 0 else { return }
        let update = try database.statement(
            """
            INSERT INTO span(id, first, last, lines) VALUES(?, ?, ?, ?)
                ON CONFLICT(id) DO UPDATE SET first = excluded.first, last = excluded.last, lines = excluded.lines
            """)
        update.bind(1, caches.span)
        update.bind(2, caches.spanFirst)
        update.bind(3, caches.spanLast)
        update.bind(4, caches.spanLines)
        try update.run()
    }
}
