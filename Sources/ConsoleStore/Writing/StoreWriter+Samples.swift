internal import Diagnosis
internal import SQLite
internal import SystemSupport

/// Pages of metrics.
extension StoreWriter {
    private static let mostLinesOfPage = 100_000

    /// Keeps every sample of a page in Prometheus's text format; lines that are none are passed over.
    func keepPage(_ content: String, of envelope: StoredEnvelope) throws(SQLiteError) {
        for line in content.utf8.split(separator: 0x0A).prefix(Self.mostLinesOfPage) {
            var text = PrometheusLine(line)
            text.skipSpaces()
            guard text.rest.first != UInt8(ascii: "#"), let name = text.takeName(allowsColon: true),
                var labels = text.takeLabels()
            else { continue }
            text.skipSpaces()
            guard let value = text.takeWord().flatMap({ Double($0) }), value.isFinite else { continue }
            text.skipSpaces()
            let own = text.takeWord().flatMap { Int64($0) }
            let time = own.map { abs($0 - envelope.time) < 7 * 86_400_000 ? $0 : envelope.time } ?? envelope.time
            var rank = labels["rank"].flatMap { Int($0) }
            if let known = rank, (0..<10_000_000).contains(known) { labels["rank"] = nil } else { rank = nil }
            let row = try row(node: envelope.node, rank: rank ?? -1)
            try addSample(String(name.prefix(256)), row: row, labels: Self.json(labels), time: time, value: value)
        }
        caches.changed.insert(.metrics)
    }

    /// With the labels in order: the same labels are the same text.
    private static func json(_ labels: [String: String]) -> String {
        guard !labels.isEmpty else { return "{}" }
        var json = Array("{".utf8)
        for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
            json += json.count > 1 ? ",\"".utf8 : "\"".utf8
            MetricJSON.appendContent(Substring(key).utf8, to: &json)
            json += "\":\"".utf8
            MetricJSON.appendContent(value.prefix(1024).utf8, to: &json)
            json.append(UInt8(ascii: "\""))
        }
        json.append(UInt8(ascii: "}"))
        return String(decoding: json, as: UTF8.self)
    }

    func addSample(
        _ name: String, row: StoreCaches.RowKey, labels: String, time: Int64, value: Double
    ) throws(SQLiteError) {
        guard let series = try series(name, row: row, labels: labels) else { return leftOutSeries += 1 }
        let insert = try database.statement("INSERT OR REPLACE INTO sample(series, time, value) VALUES(?, ?, ?)")
        insert.bind(1, series)
        insert.bind(2, time)
        insert.bind(3, value)
        try insert.run()
        let last = try database.statement(
            "UPDATE series SET last = ?, last_time = ? WHERE id = ? AND coalesce(last_time, 0) <= ?")
        last.bind(1, value)
        last.bind(2, time)
        last.bind(3, series)
        last.bind(4, time)
        try last.run()
    }

    /// - Returns: `nil` if the node has too many.
    private func series(_ name: String, row: StoreCaches.RowKey, labels: String) throws(SQLiteError) -> Int64? {
        let id = caches.rows[row]?.id ?? 0
        let key = StoreCaches.SeriesKey(name: name, row: id, labels: labels)
        if let known = caches.series[key] { return known }
        let found = try database.statement("SELECT id FROM series WHERE name = ? AND row = ? AND labels = ?")
        found.bind(1, name)
        found.bind(2, id)
        found.bind(3, labels)
        defer { found.reset() }
        if caches.series.count > 1_000_000 { caches.series = [:] }
        if try found.step() {
            caches.series[key] = found.int(0)
            return found.int(0)
        }
        if let node = caches.nodes.first(where: { $0.value.id == row.node })?.key {
            guard caches.nodes[node]?.series ?? 0 < Self.mostSeriesOfNode else { return nil }
            caches.nodes[node]?.series += 1
        }
        let insert = try database.statement("INSERT INTO series(name, row, labels) VALUES(?, ?, ?)")
        insert.bind(1, name)
        insert.bind(2, id)
        insert.bind(3, labels)
        try insert.run()
        caches.series[key] = database.lastRow
        return database.lastRow
    }
}
