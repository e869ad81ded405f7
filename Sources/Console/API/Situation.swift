internal import ConsoleStore
internal import Hang

/// All that the sentence on top of the page is made of.
struct Situation {
    var now: Double
    var ranks: [RankAnswer]
    var incidents: [IncidentSummary]
    var failures: [FailureAnswer]
    var freshness: OverviewAnswer.Freshness
    var gaps: [DeliveryAnswer.Gap]
    /// Why the store can't be written; `nil`: it can.
    var problem: String?

    /// A failure or a hang that is older is history, unless a rank still stands in it.
    private static let recent = 600.0
    private static let recentGap = 3600.0

    /// What is wrong, the most important first; one thing that says how it is if nothing is.
    var verdicts: [Verdict] {
        var found: [Verdict] = []
        if let problem {
            found.append(
                .init(
                    level: .critical,
                    text: "The console's store cannot be written, agents keep what they have: \(problem)"))
        }
        found += hangs
        found += failing
        found += [.failed, .hang].flatMap { state in found.contains(where: tells(state)) ? [] : standing(state) }
        found += standing(.silent) + standing(.slow)
        found += unheard + missing
        found.sort { Self.weight($0) > Self.weight($1) }
        return found.isEmpty ? [calm] : found
    }

    /// The order of what is equally bad stays: `sort` is stable.
    private static func weight(_ verdict: Verdict) -> Int {
        switch verdict.level {
        case .critical: 2
        case .warning: 1
        case .ok, .nothing: 0
        }
    }

    private func tells(_ state: RankState) -> (Verdict) -> Bool {
        { $0.link?.hasPrefix(state == .failed ? "#/failures" : "#/incidents") ?? false }
    }

    // MARK: incidents and failures

    /// Incidents that the training has not left behind.
    private var hangs: [Verdict] {
        let hasHang = ranks.contains { $0.state == .hang }
        let current = incidents.filter { incident in
            (!incident.ended || now - incident.time < Self.recent || hasHang) && !hasGoneOn(after: incident.time)
        }.sorted { $0.time > $1.time }
        return current.prefix(3).map { incident in
            let sentence = incident.sentence.isEmpty ? "An incident is being recorded" : incident.sentence
            return .init(
                level: incident.hang ? .critical : .warning, text: sentence, since: incident.time,
                link: "#/incidents/\(PercentText.encoded(incident.id))")
        }
    }

    /// Whether all ranks that make steps have made one since.
    private func hasGoneOn(after time: Double) -> Bool {
        let stepping = ranks.filter { $0.lastStep != nil && $0.state != .finished }
        return !stepping.isEmpty && stepping.allSatisfy { ($0.lastStep ?? 0) > time && $0.state == .running }
    }

    private var failing: [Verdict] {
        let recent = failures.filter { now - $0.time < Self.recent }
        let rules = Dictionary(grouping: recent, by: \.rule).values.compactMap { failures in
            failures.min { $0.time < $1.time }.map { (first: $0, all: failures) }
        }
        // What a rule knows says more than that a black box was kept.
        func order(_ first: FailureAnswer) -> (Int, Double, String) {
            (first.rule == Self.alarm ? 1 : 0, first.time, first.rule)
        }
        return rules.sorted { order($0.first) < order($1.first) }.map { first, all in
            let goesOn = all.allSatisfy { failure in
                rank(of: failure).map { $0.state == .running && ($0.lastStep ?? 0) > failure.time } ?? false
            }
            let places = RankNames(of: all.map { ($0.nodeRank, $0.rank) }, among: ranks)
            return .init(
                level: goesOn || first.rule == Self.alarm ? .warning : .critical,
                text: "\(first.title) on \(places.text)\(goesOn ? "; the training goes on" : "")", since: first.time,
                link: "#/failures")
        }
    }

    /// The rule of an alarm of arobust's own.
    private static let alarm = "arobust.alarm"

    private func rank(of failure: FailureAnswer) -> RankAnswer? {
        ranks.first { $0.nodeRank == failure.nodeRank && $0.rank == failure.rank }
    }

    // MARK: ranks, nodes, gaps

    private func standing(_ state: RankState) -> [Verdict] {
        let those = ranks.filter { $0.state == state }
        guard let first = those.first else { return [] }
        let names = RankNames(of: those.map { ($0.nodeRank, $0.rank) }, among: ranks)
        let since = those.compactMap(\.lastStep).min()
        let link = those.count == 1 ? "#/rank/\(first.key)" : nil
        let (one, many, level): (String, String, Verdict.Level) =
            switch state {
            case .failed: ("has failed", "have failed", .critical)
            case .hang: ("hangs", "hang", .critical)
            case .silent: ("makes no steps", "make no steps", .critical)
            default: ("is slow", "are slow", .warning)
            }
        var text = names.isOne ? "\(names.capitalized) \(one)" : "\(names.counted) \(many)\(names.list)"
        if those.count == 1, let alarm = first.alarm { text += ": \(alarm)" }
        return [.init(level: level, text: text, since: since, link: link)]
    }

    private var unheard: [Verdict] {
        let silent = freshness.silent.sorted { ($0.lastHeard, $0.nodeRank) < ($1.lastHeard, $1.nodeRank) }
        let count = freshness.nodes - freshness.heard
        guard count > 0, let first = silent.first else { return [] }
        let age = Amount.duration(now - first.lastHeard)
        let nodes = RankSet(silent.map(\.nodeRank))
        let text =
            count == 1
            ? "Node \(first.nodeRank) has not been heard for \(age)"
            : "\(Amount.count(count)) of \(Amount.count(freshness.nodes)) nodes have not been heard, the first for \(age): "
                + RankNames.list(nodes)
        return [.init(level: .warning, text: text, since: first.lastHeard, link: "#/delivery")]
    }

    private var missing: [Verdict] {
        let recent = gaps.filter { now - $0.time < Self.recentGap }
        guard let first = recent.map(\.time).min() else { return [] }
        let count = recent.reduce(0) { $0 + Int($1.count) }
        let nodes = RankSet(recent.map(\.nodeRank))
        let text =
            "\(Amount.count(count)) \(count == 1 ? "report is" : "reports are") missing from "
            + "\(nodes.count == 1 ? "node" : "nodes") \(RankNames.list(nodes))"
        return [.init(level: .warning, text: text, since: first, link: "#/delivery")]
    }

    private var calm: Verdict {
        guard freshness.nodes > 0 || !ranks.isEmpty else {
            return .init(level: .nothing, text: "Nobody has reported anything yet")
        }
        let last = ranks.compactMap(\.lastLine).max()
        let age = last.map { ", the last line came \(Amount.duration(now - $0)) ago" } ?? ""
        let stepping = ranks.count { $0.state == .running && $0.lastStep != nil }
        if !ranks.isEmpty, ranks.allSatisfy({ $0.state == .finished }) {
            return .init(level: .ok, text: "The training has finished\(age)", since: last)
        }
        let who =
            stepping > 0
            ? "\(Amount.count(stepping)) \(stepping == 1 ? "rank makes" : "ranks make") steps"
            : ranks.isEmpty
                ? "\(Amount.count(freshness.nodes)) \(freshness.nodes == 1 ? "node reports" : "nodes report")"
                : "\(Amount.count(ranks.count)) \(ranks.count == 1 ? "rank reports" : "ranks report")"
        return .init(level: .ok, text: "All is well: \(who)\(age)")
    }
}

/// One thing that is wrong, or that all is well: what the page has on top, and in JSON an element of `others` of `GET /api/v1/overview`.
struct Verdict: Hashable, Sendable {
    enum Level: String, Hashable, Sendable {
        case ok, warning, critical
        /// Nobody has reported anything yet.
        case nothing
    }

    var level: Level
    /// A sentence.
    var text: String
    /// In seconds since 1970.
    var since: Double?
    /// A route of the page, `#/incidents/ID`.
    var link: String?
}
