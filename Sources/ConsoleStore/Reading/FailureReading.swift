internal import Diagnosis
internal import SQLite
internal import SystemSupport

/// Failures, and the sentence on top.
extension StoreReader {
    /// What is older is no news, in milliseconds.
    private static let recent: Int64 = 1_800_000

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
        var verdicts = try troubles(now: now, nodes: nodes.count, silent: silent, counters: counters)
        if nodes.isEmpty {
            verdicts = [.init(level: .nothing, text: "No node has reported anything yet")]
        } else if verdicts.isEmpty {
            verdicts = [.init(level: .ok, text: "All is well, as far as the nodes tell")]
        }
        return OverviewAnswer(
            now: Self.seconds(now), verdict: verdicts[0], others: Array(verdicts.dropFirst().prefix(20)),
            freshness: .init(
                nodes: nodes.count, heard: nodes.count - silent.count, withinSeconds: options.silentAfter,
                silent: silent.prefix(100).map { .init(nodeRank: $0.nodeRank, lastHeard: $0.lastHeard) }),
            lastLineID: change.lastLineID,
            store: .init(
                bytes: counters.storeBytes, limitBytes: options.limitBytes, oldest: first, lines: change.lines))
    }

    /// What is wrong, the most important first.
    private func troubles(
        now: Int64, nodes: Int, silent: [NodeAnswer], counters: StoreCounters
    ) throws -> [OverviewAnswer.Verdict] {
        var verdicts: [OverviewAnswer.Verdict] = []
        if let problem = counters.problem {
            verdicts.append(.init(level: .critical, text: "The console cannot keep what it is reported: \(problem)"))
        }
        let ranks = try ranks(limit: 20_000)
        let failed = ranks.filter { $0.state == .failed }
        let hung = ranks.filter { $0.state == .hang }
        if !failed.isEmpty, let failure = try newestRootCause() {
            verdicts.append(
                .init(
                    level: .critical, text: "\(Self.names(failed)) failed: \(failure.title)",
                    since: Self.seconds(failure.time), link: "#/failures"))
        }
        if !hung.isEmpty, let incident = try incidents(limit: 20, after: nil).incidents.first(where: \.hang) {
            verdicts.append(
                .init(
                    level: .critical, text: incident.sentence, since: incident.time, link: "#/incidents/\(incident.id)")
            )
        }
        let standing = ranks.filter { $0.state == .silent }
        if !standing.isEmpty {
            verdicts.append(
                .init(
                    level: .critical,
                    text: standing.count == 1
                        ? standing[0].alarm.map(Self.sentence) ?? "\(Self.names(standing)) makes no steps"
                        : "\(Self.names(standing)) make no steps", since: standing.compactMap(\.lastStep).min(),
                    link: "#/rank/\(standing[0].key)"))
        }
        let slow = ranks.filter { $0.state == .slow }
        if !slow.isEmpty {
            verdicts.append(
                .init(
                    level: .warning,
                    text: slow.count == 1
                        ? slow[0].alarm.map(Self.sentence) ?? "\(Self.names(slow)) is slow"
                        : "\(Self.names(slow)) are slow",
                    link: "#/rank/\(slow[0].key)"))
        }
        if !silent.isEmpty {
            let who =
                silent.prefix(5).map { "\($0.nodeRank)" }.joined(separator: ", ") + (silent.count > 5 ? ", …" : "")
            verdicts.append(
                .init(
                    level: silent.count == nodes ? .critical : .warning,
                    text:
                        "\(silent.count) of \(nodes) nodes \(silent.count == 1 ? "was" : "were") not heard lately: \(who)",
                    since: silent.map(\.lastHeard).min(), link: "#/delivery"))
        }
        let gaps = try database.statement("SELECT count(*), min(time) FROM gap WHERE time > ?")
        gaps.bind(1, now - Self.recent)
        defer { gaps.reset() }
        if try gaps.step(), gaps.int(0) > 0 {
            verdicts.append(
                .init(
                    level: .warning, text: "Envelopes are missing in \(gaps.int(0)) places of the last half hour",
                    since: gaps.maybeInt(1).map(Self.seconds), link: "#/delivery"))
        }
        return verdicts
    }

    private func newestRootCause() throws -> (title: String, time: Int64)? {
        let found = try database.statement(
            "SELECT rule.title, time FROM failure JOIN rule ON rule.id = failure.rule WHERE root = 1 ORDER BY time DESC LIMIT 1"
        )
        defer { found.reset() }
        return try found.step() ? (found.text(0), found.int(1)) : nil
    }

    /// `rank 3 of node 1`, `4 ranks (0/0, 0/1, 1/8, …)`.
    private static func names(_ ranks: [RankAnswer]) -> String {
        if ranks.count == 1 {
            return ranks[0].rank.map { "Rank \($0) of node \(ranks[0].nodeRank)" } ?? "Node \(ranks[0].nodeRank)"
        }
        return "\(ranks.count) ranks (" + ranks.prefix(4).map(\.key).joined(separator: ", ")
            + (ranks.count > 4 ? ", …)" : ")")
    }

    /// Without what says that it is an alarm.
    private static func sentence(_ alarm: String) -> String {
        let prefix = "arobust alarm: "
        let text = alarm.hasPrefix(prefix) ? String(alarm.dropFirst(prefix.count)) : alarm
        return text.prefix(1).uppercased() + text.dropFirst()
    }
}
