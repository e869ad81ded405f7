internal import Diagnosis
internal import SQLite
internal import SystemSupport

/// Failures, and how fresh all is.
extension StoreReader {
    func failures(limit: Int, after: String?) throws -> FailurePage {
        let limit = min(max(1, limit), 1000)
        var (time, id) = (Int64.max, Int64.max)
        if let after {
            guard let cursor = LogCursor(after) else { throw Self.badCursor }
            (time, id) = (cursor.time, cursor.id)
        }
        let rows = try database.passingStatement(
            """
            SELECT failure.id, time, row, count, rule.name, coalesce(failure.title, rule.title), category, action
                FROM failure JOIN rule ON rule.id = failure.rule
                WHERE (time, failure.id) < (?, ?) ORDER BY time DESC, failure.id DESC LIMIT ?
            """)
        rows.bind(1, time)
        rows.bind(2, id)
        rows.bind(3, limit + 1)
        var page = FailurePage(failures: [], next: nil)
        while try rows.step() {
            if page.failures.count == limit {
                page.next = LogCursor(time: time, id: id).text
                break
            }
            (id, time) = (rows.int(0), rows.int(1))
            let place = try place(rows.int(2))
            page.failures.append(
                FailureAnswer(
                    id: id, time: Self.seconds(time), nodeRank: place.nodeRank, rank: place.rank, rule: rows.text(4),
                    title: rows.text(5), category: rows.text(6), action: rows.maybeText(7), count: Int(rows.int(3)),
                    evidence: try evidence(of: id)))
        }
        return page
    }

    private func evidence(of failure: Int64) throws -> [FailureAnswer.Evidence] {
        let rows = try database.statement(
            "SELECT line, time, text FROM evidence WHERE failure = ? ORDER BY line LIMIT 20")
        rows.bind(1, failure)
        defer { rows.reset() }
        var evidence: [FailureAnswer.Evidence] = []
        while try rows.step() {
            evidence.append(.init(id: rows.int(0), time: Self.seconds(rows.int(1)), text: rows.text(2)))
        }
        return evidence
    }

    // MARK: overview

    func overview(change: StoreChange, counters: StoreCounters) throws -> OverviewAnswer {
        let now = WallClock.milliseconds
        let nodes = try nodes()
        let heardSince = Self.seconds(now) - options.silentAfter
        let silent = nodes.filter { $0.lastHeard < heardSince }
        let oldest = try database.statement("SELECT time FROM line ORDER BY id LIMIT 1")
        defer { oldest.reset() }
        let first = try oldest.step() ? Self.seconds(oldest.int(0)) : nil
        return OverviewAnswer(
            now: Self.seconds(now),
            freshness: .init(
                nodes: nodes.count, heard: nodes.count - silent.count, withinSeconds: options.silentAfter,
                silent: silent.prefix(100).map { .init(nodeRank: $0.nodeRank, lastHeard: $0.lastHeard) }),
            lastLineID: change.lastLineID,
            store: .init(
                bytes: counters.storeBytes, limitBytes: options.limitBytes, oldest: first, lines: change.lines))
    }
}
