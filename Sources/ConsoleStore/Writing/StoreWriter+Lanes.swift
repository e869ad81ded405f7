internal import Diagnosis
private import FoundationEssentials
internal import SQLite
internal import SystemSupport

/// Nodes, lanes and gaps.
extension StoreWriter {
    /// The node with this key, which is made if it is new; `nil`: there are too many.
    func node(_ key: StoreCaches.NodeKey, source: ReportSource) throws(SQLiteError) -> StoreCaches.Node? {
        if let known = caches.nodes[key] { return known }
        let found = try database.statement(
            "SELECT id, received, source, last_heard, lag FROM node WHERE type = ? AND rank = ?")
        found.bind(1, key.type)
        found.bind(2, key.rank)
        defer { found.reset() }
        if try found.step() {
            var node = StoreCaches.Node(
                id: found.int(0), received: found.int(1), source: ReportSource(rawValue: found.text(2)) ?? source,
                lastHeard: found.int(3), lag: found.maybeDouble(4))
            node.rows = try count("SELECT count(*) FROM row WHERE node = ?", node.id)
            node.streams = try count(
                "SELECT count(*) FROM stream WHERE row IN (SELECT id FROM row WHERE node = ?)", node.id)
            node.series = try count(
                "SELECT count(*) FROM series WHERE row IN (SELECT id FROM row WHERE node = ?)", node.id)
            caches.nodes[key] = node
            return node
        }
        guard caches.nodes.count < Self.mostNodes else { return nil }
        let now = WallClock.milliseconds
        let insert = try database.statement("INSERT INTO node(type, rank, source, last_heard) VALUES(?, ?, ?, ?)")
        insert.bind(1, key.type)
        insert.bind(2, key.rank)
        insert.bind(3, source.rawValue)
        insert.bind(4, now)
        try insert.run()
        caches.changed.insert(.nodes)
        let node = StoreCaches.Node(id: database.lastRow, received: 0, source: source, lastHeard: now, lag: nil)
        caches.nodes[key] = node
        return node
    }

    private func count(_ sql: String, _ value: Int64) throws(SQLiteError) -> Int {
        let statement = try database.statement(sql)
        statement.bind(1, value)
        defer { statement.reset() }
        return try statement.step() ? Int(statement.int(0)) : 0
    }

    /// What a node says of itself.
    func note(_ report: NodeReport) throws(SQLiteError) {
        let key = StoreCaches.NodeKey(type: report.identity.type, rank: report.identity.rank)
        guard try node(key, source: report.source) != nil else { return }
        caches.nodes[key]?.lastHeard = WallClock.milliseconds
        caches.nodes[key]?.source = report.source
        caches.changedNodes.insert(key)
        caches.changed.insert(.nodes)
        let accounts = report.accounts.flatMap { try? JSONEncoder().encode($0) }.map {
            String(decoding: $0, as: UTF8.self)
        }
        let update = try database.statement(
            """
            UPDATE node SET node_id = ?, host = coalesce(?, host), publisher = coalesce(?, publisher), version = coalesce(?, version),
                accounts = coalesce(?, accounts) WHERE type = ? AND rank = ?
            """)
        update.bind(1, report.identity.id)
        update.bind(2, report.host.map { String($0.prefix(256)) })
        update.bind(3, report.publisher.map(\.description))
        update.bind(4, report.version.map { String($0.prefix(64)) })
        update.bind(5, accounts)
        update.bind(6, key.type)
        update.bind(7, key.rank)
        try update.run()
    }

    func lane(_ lane: Lane) throws(SQLiteError) -> StoreCaches.Lane? {
        if let known = caches.lanes[lane] { return known }
        let found = try database.statement(
            """
            SELECT id, node, epoch, sequence, received, duplicates, missing, last_heard, lag FROM lane WHERE publisher = ? AND type = ?
            """)
        found.bind(1, lane.publisher.description)
        found.bind(2, lane.dataType.rawValue)
        defer { found.reset() }
        guard try found.step() else { return nil }
        let known = StoreCaches.Lane(
            id: found.int(0), node: found.int(1),
            position: LanePosition(
                epoch: UInt64(bitPattern: found.int(2)), sequence: UInt64(bitPattern: found.int(3))),
            received: found.int(4), duplicates: found.int(5), missing: found.int(6), lastHeard: found.int(7),
            lag: found.maybeDouble(8))
        caches.lanes[lane] = known
        return known
    }

    /// A lane begins where it is first heard of: what was before, nobody promised to this store.
    func addLane(
        _ lane: Lane, at position: LanePosition, node: Int64, _ arrival: Int64, _ publishTime: UInt64
    ) throws(SQLiteError) {
        let insert = try database.statement(
            """
            INSERT INTO lane(publisher, type, node, epoch, sequence, received, duplicates, missing, last_heard, lag)
                VALUES(?, ?, ?, ?, ?, 1, 0, 0, ?, ?)
            """)
        let lag = Self.lag(arrival, publishTime)
        insert.bind(1, lane.publisher.description)
        insert.bind(2, lane.dataType.rawValue)
        insert.bind(3, node)
        insert.bind(4, Int64(bitPattern: position.epoch))
        insert.bind(5, Int64(bitPattern: position.sequence))
        insert.bind(6, arrival)
        insert.bind(7, lag)
        try insert.run()
        caches.lanes[lane] = StoreCaches.Lane(
            id: database.lastRow, node: node, position: position, received: 1, duplicates: 0, missing: 0,
            lastHeard: arrival, lag: lag)
        caches.changed.insert(.nodes)
    }

    /// Envelopes that never came, and the place in the log where they are missing.
    func addGap(
        _ lost: SequenceRange, _ lane: StoreCaches.Lane, _ batch: EnvelopeBatch, since: Int64,
        _ entry: EnvelopeBatch.Entry, _ key: StoreCaches.NodeKey
    ) throws(SQLiteError) {
        guard let node = caches.nodes[key]?.id else { return }
        let time = entry.publishTime > 0 ? Int64(clamping: entry.publishTime / 1_000_000) : WallClock.milliseconds
        let insert = try database.statement(
            "INSERT INTO gap(lane, node, type, epoch, first, last, since, time) VALUES(?, ?, ?, ?, ?, ?, ?, ?)")
        insert.bind(1, lane.id)
        insert.bind(2, node)
        insert.bind(3, batch.lane.dataType.rawValue)
        insert.bind(4, Int64(bitPattern: lost.epoch))
        insert.bind(5, Int64(bitPattern: lost.first))
        insert.bind(6, Int64(bitPattern: lost.last))
        insert.bind(7, min(since, time))
        insert.bind(8, time)
        try insert.run()
        let gap = database.lastRow
        let row = try row(node: node, rank: -1)
        let stream = try stream(of: row, type: batch.lane.dataType.rawValue, path: "")
        _ = try addLine(UnsafeRawBufferPointer(start: nil, count: 0), stream: stream, time: time, mark: nil, gap: gap)
        caches.changed.formUnion([.nodes, .logs])
    }

    func flushNodes() throws(SQLiteError) {
        for key in caches.changedNodes {
            guard let node = caches.nodes[key] else { continue }
            let update = try database.statement(
                "UPDATE node SET received = ?, source = ?, last_heard = ?, lag = ? WHERE id = ?")
            update.bind(1, node.received)
            update.bind(2, node.source.rawValue)
            update.bind(3, node.lastHeard)
            update.bind(4, node.lag)
            update.bind(5, node.id)
            try update.run()
        }
        caches.changedNodes = []
    }

    func flushLanes() throws(SQLiteError) {
        for key in caches.changedLanes {
            guard let lane = caches.lanes[key] else { continue }
            let update = try database.statement(
                """
                UPDATE lane SET node = ?, epoch = ?, sequence = ?, received = ?, duplicates = ?, missing = ?, last_heard = ?, lag = ?
                    WHERE id = ?
                """)
            update.bind(1, lane.node)
            update.bind(2, Int64(bitPattern: lane.position.epoch))
            update.bind(3, Int64(bitPattern: lane.position.sequence))
            update.bind(4, lane.received)
            update.bind(5, lane.duplicates)
            update.bind(6, lane.missing)
            update.bind(7, lane.lastHeard)
            update.bind(8, lane.lag)
            update.bind(9, lane.id)
            try update.run()
        }
        caches.changedLanes = []
    }
}
