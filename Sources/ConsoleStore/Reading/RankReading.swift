internal import Diagnosis
private import FoundationEssentials
internal import SQLite
internal import SystemSupport

/// Nodes, ranks, and how they go.
extension StoreReader {
    func nodes() throws -> [NodeAnswer] {
        let rows = try database.statement(
            """
            SELECT rank, type, node_id, host, publisher, version, source, last_heard, lag, received,
                (SELECT coalesce(sum(duplicates), 0) FROM lane WHERE lane.node = node.id),
                (SELECT coalesce(sum(missing), 0) FROM lane WHERE lane.node = node.id),
                (SELECT publisher FROM lane WHERE lane.node = node.id ORDER BY last_heard DESC LIMIT 1)
                FROM node ORDER BY rank, type
            """)
        defer { rows.reset() }
        var nodes: [NodeAnswer] = []
        while try rows.step() {
            nodes.append(
                NodeAnswer(
                    key: "\(rows.int(0))", nodeType: rows.text(1), nodeRank: Int(rows.int(0)),
                    nodeID: rows.maybeInt(2).map(Int.init), host: rows.maybeText(3),
                    publisher: rows.maybeText(4) ?? rows.maybeText(12), version: rows.maybeText(5),
                    source: ReportSource(rawValue: rows.text(6)) ?? .arobust, lastHeard: Self.seconds(rows.int(7)),
                    lagSeconds: rows.maybeDouble(8), received: rows.int(9), duplicates: rows.int(10),
                    missing: rows.int(11)))
        }
        return nodes
    }

    func ranks(limit: Int) throws -> [RankAnswer] {
        let rows = try database.statement(
            """
            SELECT row.id, node.rank, row.rank, last_line, lines, step, step_seconds, last_step, state, alarm, failed, hung
                FROM row JOIN node ON node.id = row.node
                WHERE row.rank >= 0 OR lines > 0 OR step IS NOT NULL
                    OR NOT EXISTS (SELECT 1 FROM row AS other WHERE other.node = row.node AND other.rank >= 0)
                ORDER BY node.rank, row.rank LIMIT ?
            """)
        rows.bind(1, limit)
        defer { rows.reset() }
        var ranks: [RankAnswer] = []
        while try rows.step() {
            let rank = rows.int(2) < 0 ? nil : Int(rows.int(2))
            let (lastStep, failed, hung) = (rows.maybeInt(7), rows.maybeInt(10), rows.maybeInt(11))
            let told = rows.maybeText(8)
            var state: RankState = rows.maybeDouble(5) == nil ? .unknown : .running
            switch told {
            case "silent": state = .silent
            case "slow": state = .slow
            case "finished": state = .finished
            case nil: break
            default: state = .running
            }
            // A step after it says that it went on.
            if let hung, hung > lastStep ?? 0 { state = .hang }
            if let failed, failed >= hung ?? 0 { state = .failed }
            ranks.append(
                RankAnswer(
                    key: rank.map { "\(rows.int(1))/\($0)" } ?? "\(rows.int(1))", nodeRank: Int(rows.int(1)),
                    rank: rank, lastLine: rows.maybeInt(3).map(Self.seconds), lines: rows.int(4),
                    step: rows.maybeDouble(5), stepSeconds: rows.maybeDouble(6), lastStep: lastStep.map(Self.seconds),
                    state: state, alarm: rows.maybeText(9)))
        }
        return ranks
    }

    /// - Parameter buckets: at most 720; of a time that is short, fewer.
    func heatmap(since: Double, until: Double, buckets: Int) throws -> HeatmapAnswer {
        let (since, until) = (Self.milliseconds(since), Self.milliseconds(until))
        guard since < until else { throw ConsoleStoreError(.question, "'since' must be before 'until'") }
        let wanted = Int64(min(max(1, buckets), 720))
        let fine: Int64 = 10_000
        // Whole buckets of the table, so that none is counted in two.
        let needed = ((until - since) + wanted - 1) / wanted
        let level: Int64 = needed >= 600_000 ? 600_000 : fine
        let width = max(level, (needed + level - 1) / level * level)
        let start = since / width * width
        let count = Int((until - start + width - 1) / width)
        let ranks = try ranks(limit: 20_000)
        var answer = HeatmapAnswer(
            since: Self.seconds(start), until: Self.seconds(start + Int64(count) * width),
            bucketSeconds: Self.seconds(width),
            rows: ranks.map {
                .init(
                    key: $0.key, nodeRank: $0.nodeRank, rank: $0.rank, state: $0.state,
                    stepSeconds: Array(repeating: nil, count: count), lines: Array(repeating: 0, count: count),
                    marks: Array(repeating: 0, count: count))
            })
        let index = Dictionary(ranks.enumerated().map { ($0.element.key, $0.offset) }) { first, _ in first }
        let rows = try database.statement(
            """
            SELECT row, (bucket * ? - ?) / ?, sum(lines), sum(steps), sum(seconds), max(mark) FROM activity
                WHERE level = ? AND bucket >= ? AND bucket < ? GROUP BY 1, 2
            """)
        defer { rows.reset() }
        rows.bind(1, level)
        rows.bind(2, start)
        rows.bind(3, width)
        rows.bind(4, level / 1000)
        rows.bind(5, start / level)
        rows.bind(6, (start + Int64(count) * width) / level)
        while try rows.step() {
            let bucket = Int(rows.int(1))
            guard let row = index[try place(rows.int(0)).key], (0..<count).contains(bucket) else { continue }
            answer.rows[row].lines[bucket] = (answer.rows[row].lines[bucket] ?? 0) + rows.int(2)
            if rows.int(3) > 0 { answer.rows[row].stepSeconds[bucket] = rows.double(4) / Double(rows.int(3)) }
            answer.rows[row].marks[bucket] = max(answer.rows[row].marks[bucket], Int(rows.int(5)))
        }
        try drawGaps(start: start, width: width, count: count, in: &answer)
        return answer
    }

    /// Where envelopes are missing, no lines is not none.
    private func drawGaps(start: Int64, width: Int64, count: Int, in answer: inout HeatmapAnswer) throws {
        let gaps = try database.statement(
            """
            SELECT node.rank, since, time FROM gap JOIN node ON node.id = gap.node
                WHERE gap.type = 'TRAINING_LOG' AND time >= ? AND since < ? LIMIT 10000
            """)
        defer { gaps.reset() }
        gaps.bind(1, start)
        gaps.bind(2, start + Int64(count) * width)
        while try gaps.step() {
            let first = max(0, Int((gaps.int(1) - start) / width))
            let last = min(count - 1, Int((gaps.int(2) - start) / width))
            guard first <= last else { continue }
            for row in answer.rows.indices where answer.rows[row].nodeRank == Int(gaps.int(0)) {
                for bucket in first...last where answer.rows[row].lines[bucket] == 0 {
                    answer.rows[row].lines[bucket] = nil
                }
            }
        }
    }

    func attempts() throws -> [AttemptAnswer] {
        let rows = try database.statement(
            """
            SELECT run, attempt, node.rank, first, last, steps, lost, goodput FROM attempt JOIN node ON node.id = attempt.node
                ORDER BY last DESC, attempt DESC, node.rank LIMIT 5000
            """)
        defer { rows.reset() }
        var attempts: [AttemptAnswer] = []
        while try rows.step() {
            attempts.append(
                AttemptAnswer(
                    run: rows.text(0).isEmpty ? nil : rows.text(0), attempt: Int(rows.int(1)),
                    nodeRank: Int(rows.int(2)), first: Self.seconds(rows.int(3)), last: Self.seconds(rows.int(4)),
                    steps: rows.maybeDouble(5), lostSeconds: rows.maybeDouble(6), goodput: rows.maybeDouble(7)))
        }
        return attempts
    }

    // MARK: delivery

    func delivery() throws -> DeliveryAnswer {
        var answer = DeliveryAnswer(nodes: [], gaps: [])
        let nodes = try database.passingStatement("SELECT id, rank, publisher, accounts FROM node ORDER BY rank, type")
        while try nodes.step() {
            var node = DeliveryAnswer.Node(
                key: "\(nodes.int(1))", nodeRank: Int(nodes.int(1)), publisher: nodes.maybeText(2),
                lanes: try lanes(of: nodes.int(0)), consumers: [])
            if node.publisher == nil { node.publisher = try publisher(of: nodes.int(0)) }
            let accounts = nodes.maybeText(3).flatMap {
                try? JSONDecoder().decode([ConsumerAccount].self, from: Data($0.utf8))
            }
            node.consumers = (accounts ?? []).map { Self.consumer($0, lanes: node.lanes) }
            answer.nodes.append(node)
        }
        let gaps = try database.statement(
            """
            SELECT node.rank, gap.type, epoch, first, last, gap.time,
                (SELECT line.id FROM line INDEXED BY line_time WHERE line.time = gap.time AND line.gap = gap.id)
                FROM gap JOIN node ON node.id = gap.node ORDER BY gap.id DESC LIMIT 1000
            """)
        defer { gaps.reset() }
        while try gaps.step() {
            let epoch = UInt64(bitPattern: gaps.int(2))
            let (first, last) = (UInt64(bitPattern: gaps.int(3)), UInt64(bitPattern: gaps.int(4)))
            answer.gaps.append(
                .init(
                    nodeRank: Int(gaps.int(0)), dataType: gaps.text(1),
                    from: LanePosition(epoch: epoch, sequence: first),
                    through: LanePosition(epoch: epoch, sequence: last), count: Int64(clamping: last - first) + 1,
                    time: Self.seconds(gaps.int(5)), line: gaps.maybeInt(6)))
        }
        return answer
    }

    private func publisher(of node: Int64) throws -> String? {
        let found = try database.statement("SELECT publisher FROM lane WHERE node = ? ORDER BY last_heard DESC LIMIT 1")
        found.bind(1, node)
        defer { found.reset() }
        return try found.step() ? found.text(0) : nil
    }

    private func lanes(of node: Int64) throws -> [DeliveryAnswer.Lane] {
        let rows = try database.statement(
            """
            SELECT type, epoch, sequence, received, duplicates, missing, last_heard, lag FROM lane WHERE node = ? ORDER BY type, publisher
                LIMIT 1000
            """)
        rows.bind(1, node)
        defer { rows.reset() }
        var lanes: [DeliveryAnswer.Lane] = []
        while try rows.step() {
            lanes.append(
                .init(
                    dataType: rows.text(0), epoch: UInt64(bitPattern: rows.int(1)),
                    sequence: UInt64(bitPattern: rows.int(2)), received: rows.int(3), duplicates: rows.int(4),
                    missing: rows.int(5), lastHeard: Self.seconds(rows.int(6)), lagSeconds: rows.maybeDouble(7)))
        }
        return lanes
    }

    private static func consumer(_ account: ConsumerAccount, lanes: [DeliveryAnswer.Lane]) -> DeliveryAnswer.Consumer {
        func sum(_ counts: [[String: UInt64]?]) -> [String: UInt64] {
            counts.compactMap { $0 }.reduce(into: [:]) { $0.merge($1) { $0.addingReportingOverflow($1).partialValue } }
        }
        return DeliveryAnswer.Consumer(
            name: account.consumer, delivered: account.lanes.reduce(0) { $0 &+ ($1.delivered ?? 0) },
            skipped: sum(account.lanes.map(\.skipped)), lost: sum(account.lanes.map(\.lost)),
            pending: account.state["pending"].flatMap { Int64($0) }, state: account.state)
    }
}
