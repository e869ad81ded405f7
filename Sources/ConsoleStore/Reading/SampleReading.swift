internal import Diagnosis
internal import SQLite

/// What is measured.
extension StoreReader {
    private static let mostSeriesOfName = 20_000

    func series(prefix: String, limit: Int, after: String?) throws -> SeriesPage {
        let limit = min(max(1, limit), 5000)
        let rows = try database.statement(
            """
            SELECT name, count(*), max(last_time) FROM series WHERE name >= ? AND name < ? AND name > ? GROUP BY name ORDER BY name LIMIT ?
            """)
        defer { rows.reset() }
        rows.bind(1, prefix)
        // Nothing that begins with it comes after it and the last character there is.
        rows.bind(2, prefix + "\u{10FFFF}")
        rows.bind(3, after ?? "")
        rows.bind(4, limit + 1)
        var page = SeriesPage(series: [], next: nil)
        while try rows.step() {
            if page.series.count == limit {
                page.next = page.series.last?.name
                break
            }
            let name = rows.text(0)
            page.series.append(
                .init(
                    name: name, unit: Self.unit(of: name), streams: Int(rows.int(1)),
                    last: rows.maybeInt(2).map(Self.seconds)))
        }
        return page
    }

    /// As Prometheus's names end.
    private static func unit(of name: String) -> String? {
        let name = name.hasSuffix("_total") ? String(name.dropLast(6)) : name
        return ["seconds", "bytes", "celsius", "watts", "ratio", "us", "ms"].first { name.hasSuffix("_\($0)") }
    }

    func samples(_ question: SampleQuestion) throws -> SampleAnswer {
        let (since, until) = (Self.milliseconds(question.since), Self.milliseconds(question.until))
        guard since < until else { throw ConsoleStoreError(.question, "'since' must be before 'until'") }
        let points = min(max(1, question.points), SampleQuestion.mostPoints)
        let width = max(1000, (until - since + Int64(points) - 1) / Int64(points))
        let count = Int((until - since + width - 1) / width)
        var answer = SampleAnswer(
            name: question.name, since: Self.seconds(since), until: Self.seconds(until),
            bucketSeconds: Self.seconds(width), rows: [], slowest: nil, leftOut: 0)
        let (nodes, ranks) = (Set(question.nodeRanks), Set(question.ranks))
        let series = try database.passingStatement("SELECT id, row, labels, last FROM series WHERE name = ? LIMIT ?")
        series.bind(1, question.name)
        series.bind(2, Self.mostSeriesOfName)
        var means: [(row: SampleAnswer.Row, mean: Double)] = []
        while try series.step() {
            let place = try place(series.int(1))
            if !nodes.isEmpty, !nodes.contains(place.nodeRank) { continue }
            if !ranks.isEmpty, !ranks.contains(place.rank ?? -1) { continue }
            let (values, mean) = try values(of: series.int(0), since: since, until: until, width: width, count: count)
            guard let mean else { continue }
            means.append(
                (
                    SampleAnswer.Row(
                        key: place.key, nodeRank: place.nodeRank, rank: place.rank, labels: Self.labels(series.text(2)),
                        values: values, last: series.maybeDouble(3)), mean
                ))
        }
        let sorted = means.map(\.mean).sorted()
        if Self.isTime(question.name), sorted.count > 1, let worst = means.max(by: { $0.mean < $1.mean }),
            worst.mean > sorted[0]
        {
            answer.slowest = worst.row.key
        }
        if means.count > SampleQuestion.mostRows {
            let median = sorted[sorted.count / 2]
            means.sort { abs($0.mean - median) > abs($1.mean - median) }
            answer.leftOut = means.count - SampleQuestion.mostRows
            means.removeLast(answer.leftOut)
        }
        answer.rows = means.map(\.row).sorted { ($0.nodeRank, $0.rank ?? -1) < ($1.nodeRank, $1.rank ?? -1) }
        return answer
    }

    private func values(
        of series: Int64, since: Int64, until: Int64, width: Int64, count: Int
    ) throws -> ([Double?], mean: Double?) {
        let rows = try database.statement(
            """
            SELECT (time - ?) / ?, avg(value), count(*) FROM sample WHERE series = ? AND time >= ? AND time < ? GROUP BY 1
            """)
        defer { rows.reset() }
        rows.bind(1, since)
        rows.bind(2, width)
        rows.bind(3, series)
        rows.bind(4, since)
        rows.bind(5, until)
        var values = [Double?](repeating: nil, count: count)
        var (sum, number) = (0.0, 0.0)
        while try rows.step() {
            guard values.indices.contains(Int(rows.int(0))) else { continue }
            values[Int(rows.int(0))] = rows.double(1)
            sum += rows.double(1) * rows.double(2)
            number += rows.double(2)
        }
        return (values, number > 0 ? sum / number : nil)
    }

    /// What the writer wrote: an object of texts.
    private static func labels(_ json: String) -> [String: String] {
        guard json != "{}" else { return [:] }
        return (JSONValue.object(json) ?? [:]).compactMapValues(\.string)
    }

    private static func isTime(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["seconds", "latency", "time", "duration"].contains { name.contains($0) }
    }
}
