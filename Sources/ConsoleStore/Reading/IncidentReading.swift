internal import Diagnosis
internal import Hang
internal import SQLite

/// Incidents: what nodes recorded of a hang, and what all of it together says.
extension StoreReader {
    /// Nodes that begin an incident this near to each other have the same, in milliseconds.
    private static let together: Int64 = 120_000
    private static let mostRecords = 20_000
    private static let mostBytes = 64 << 20

    private static let columns = "incident.id, name, begun, node.rank, sentence, hang, triggers, pieces, missing, ended"
    private static let tables = "incident JOIN node ON node.id = incident.node"

    func incidents(limit: Int, after: String?) throws -> IncidentPage {
        let limit = min(max(1, limit), 1000)
        var (begun, id) = (Int64.max, Int64.max)
        if let after {
            guard let cursor = LogCursor(after) else { throw Self.badCursor }
            (begun, id) = (cursor.time, cursor.id)
        }
        let rows = try database.passingStatement(
            """
            SELECT \(Self.columns) FROM \(Self.tables) WHERE (begun, incident.id) < (?, ?) ORDER BY begun DESC, incident.id DESC LIMIT ?
            """)
        rows.bind(1, begun)
        rows.bind(2, id)
        rows.bind(3, limit + 1)
        var page = IncidentPage(incidents: [], next: nil)
        var last: LogCursor?
        while try rows.step() {
            if page.incidents.count == limit {
                page.next = last?.text
                break
            }
            page.incidents.append(try summary(rows))
            last = LogCursor(time: rows.int(2), id: rows.int(0))
        }
        return page
    }

    private func summary(_ row: SQLiteStatement) throws -> IncidentSummary {
        let nodes = try database.statement(
            """
            SELECT DISTINCT node.rank FROM \(Self.tables) WHERE begun BETWEEN ? AND ? ORDER BY 1 LIMIT 10000
            """)
        nodes.bind(1, row.int(2) - Self.together)
        nodes.bind(2, row.int(2) + Self.together)
        defer { nodes.reset() }
        var ranks: [Int] = []
        while try nodes.step() { ranks.append(Int(nodes.int(0))) }
        let triggers = row.text(6).split(separator: "\n").map(String.init)
        return IncidentSummary(
            id: row.text(1), time: Self.seconds(row.int(2)), nodeRank: Int(row.int(3)), nodes: ranks,
            sentence: row.maybeText(4) ?? triggers.first ?? "An incident is being recorded", hang: row.int(5) != 0,
            triggers: triggers, pieces: Int(row.int(7)), missing: Int(row.int(8)), ended: !row.isNull(9))
    }

    func incident(_ name: String) throws -> IncidentAnswer? {
        guard let row = try find(name) else { return nil }
        var summary = try summary(row)
        let begun = row.int(2)
        row.reset()
        var reader = EvidenceReader()
        var pieces: [IncidentAnswer.Piece] = []
        try forEachPiece(around: begun) { piece, nodeRank in
            if piece.kind != .summary { reader.add(piece, node: "\(nodeRank)") }
            pieces.append(
                .init(
                    nodeRank: nodeRank, rank: piece.rank, kind: piece.kind.rawValue, source: piece.source,
                    time: Double(piece.time), bytes: piece.content.count, missing: piece.missing))
        }
        let answer = HangAnswer(reader.evidence)
        // What all nodes' pieces say together is more than what one said alone.
        if !pieces.isEmpty {
            summary.sentence = answer.sentence
            summary.hang = summary.hang || answer.isHang
        }
        let findings = answer.collectives + answer.underWay
        return IncidentAnswer(
            summary: summary, text: HangText(answer).lines,
            collectives: findings.prefix(1000).map {
                .init(
                    group: $0.group.description.isEmpty ? $0.group.name : $0.group.description,
                    operation: $0.operation, missing: Array($0.culprits), waiting: Array($0.waiting))
            }, pieces: pieces)
    }

    private func find(_ name: String) throws -> SQLiteStatement? {
        let row = try database.passingStatement(
            "SELECT \(Self.columns) FROM \(Self.tables) WHERE name = ? ORDER BY node.rank LIMIT 1")
        row.bind(1, name)
        return try row.step() ? row : nil
    }

    /// The pieces of all nodes' incidents that began around a time.
    private func forEachPiece(around begun: Int64, _ body: (EvidencePiece, Int) -> Void) throws {
        let rows = try database.passingStatement(
            """
            SELECT content, node.rank FROM \(Self.tables) JOIN record ON record.incident = incident.id
                WHERE begun BETWEEN ? AND ? AND kind IS NOT NULL ORDER BY begun, incident.id, number LIMIT \(Self.mostRecords)
            """)
        rows.bind(1, begun - Self.together)
        rows.bind(2, begun + Self.together)
        var bytes = 0
        while try rows.step() {
            let content = rows.text(0)
            bytes += content.utf8.count
            guard bytes <= Self.mostBytes else { return }
            guard ContinuousClock.now < deadline else {
                throw ConsoleStoreError(.tooLong, "the incident has too many pieces to be read in time")
            }
            if let piece = IncidentRecord(content: content)?.piece { body(piece, Int(rows.int(1))) }
        }
    }

    // MARK: stacks

    func stacks(incident name: String?) throws -> StacksAnswer? {
        if let name {
            guard let row = try find(name) else { return nil }
            return try stacks(around: row.int(2), incident: name)
        }
        let newest = try database.passingStatement("SELECT begun, name FROM incident ORDER BY begun DESC LIMIT 1")
        let incident: (begun: Int64, name: String)? = try newest.step() ? (newest.int(0), newest.text(1)) : nil
        newest.reset()
        let text = try newestStackText()
        // An incident's samples say more than the texts around it: whether a rank moves.
        if let incident, incident.begun + Self.together >= text ?? 0 {
            let answer = try stacks(around: incident.begun, incident: incident.name)
            if answer.samples > 0 { return answer }
        }
        guard let text else { return .nothing }
        return try stacks(ofTexts: text)
    }

    private func stacks(around begun: Int64, incident: String) throws -> StacksAnswer {
        var samples: [RankStacks] = []
        var keys: [Int: String] = [:]
        var reader = EvidenceReader()
        try forEachPiece(around: begun) { piece, nodeRank in
            if piece.kind != .summary { reader.add(piece, node: "\(nodeRank)") }
            guard [.stacks, .process].contains(piece.kind), piece.missing == nil,
                var stacks = RankStacks(json: piece.content)
            else { return }
            stacks.rank = stacks.rank ?? piece.rank
            if let rank = stacks.rank { keys[rank] = "\(nodeRank)/\(rank)" }
            if !stacks.threads.isEmpty { samples.append(stacks) }
        }
        return StackAnswering(samples, keys: keys, culprits: HangAnswer(reader.evidence).culprits)
            .answer(time: Self.seconds(begun), incident: incident)
    }

    /// What a collector took, and not what it says of an incident, which has the same type.
    private static let isStacks = "text NOT LIKE 'arobust %'"

    private func newestStackText() throws -> Int64? {
        let streams = try database.passingStatement("SELECT id FROM stream WHERE type = 'STACK_TRACE'")
        var newest: Int64?
        while try streams.step() {
            let row = try database.statement(
                """
                SELECT time FROM line INDEXED BY line_stream WHERE stream = ? AND \(Self.isStacks)
                    ORDER BY time DESC, id DESC LIMIT 1
                """)
            row.bind(1, streams.int(0))
            if try row.step(), row.int(0) > newest ?? 0 { newest = row.int(0) }
            row.reset()
        }
        return newest
    }

    /// The stacks that nodes published as texts within a minute of the newest.
    private func stacks(ofTexts time: Int64) throws -> StacksAnswer {
        let streams = try database.passingStatement("SELECT id, row FROM stream WHERE type = 'STACK_TRACE'")
        var samples: [RankStacks] = []
        var keys: [Int: String] = [:]
        while try streams.step() {
            let place = try place(streams.int(1))
            let row = try database.statement(
                """
                SELECT text, time FROM line INDEXED BY line_stream WHERE stream = ? AND time >= ? AND \(Self.isStacks)
                    ORDER BY time DESC LIMIT 1
                """)
            row.bind(1, streams.int(0))
            row.bind(2, time - 60_000)
            defer { row.reset() }
            guard try row.step() else { continue }
            for stacks in PySpyText.stacks(in: row.text(0), rank: place.rank) {
                guard let rank = stacks.rank else { continue }
                keys[rank] = "\(place.nodeRank)/\(rank)"
                samples.append(stacks)
            }
        }
        var reader = EvidenceReader()
        reader.add(samples)
        return StackAnswering(samples, keys: keys, culprits: HangAnswer(reader.evidence).culprits)
            .answer(time: Self.seconds(time), incident: nil)
    }
}
