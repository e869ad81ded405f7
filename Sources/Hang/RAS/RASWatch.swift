/// Tells from one look at RAS to the next which ranks hold a job up.
///
/// RAS counts what a rank has launched, so counts that differ are usual, and only those that differ and stay say something. The rule is that of
/// Ray's detector (`python/ray/train/v2/_internal/callbacks/nccl_ras.py`): all ranks run, counts differ, and no rank has launched anything
/// since the last look, for a while. Any progress begins anew. A hang in which all ranks have launched the same can't be seen this way.
package struct RASWatch: Sendable {
    /// What holds up one communicator.
    package struct Finding: Hashable, Sendable {
        package enum Kind: String, Hashable, Sendable {
            /// Ranks have launched fewer collectives than others.
            case behind
            /// Ranks have launched another collective than the others.
            case diverged
            /// Ranks don't answer, or are given up.
            case lost
        }

        package var kind: Kind
        /// The communicator's id; empty for what is said of the whole job.
        package var communicator: String
        /// Who holds it up, counted in the communicator.
        package var ranks: RankSet
        /// The same, counted in the job, where that is known.
        package var jobRanks: RankSet?
        /// A sentence for an operator, without its full stop.
        package var text: String

        /// Stays the same while the same ranks hold up the same communicator.
        package var id: String { "\(kind.rawValue) \(communicator) \(communicator.isEmpty ? text : "\(ranks)")" }
    }

    private struct Trail: Sendable {
        var counts: [String: [RASCount]] = [:]
        var frozenSince: ContinuousClock.Instant?
        var missing: [RASMissingRank] = []
    }

    private let confirmation: Duration
    private var trails: [String: Trail] = [:]
    private var lost: Set<RASProcess> = []

    /// - Parameter confirmation: how long nothing may move before ranks that are behind are told of; two looks at least.
    package init(confirmation: Duration) {
        self.confirmation = confirmation
    }

    /// What is wrong now, that was so before, too.
    package mutating func look(at status: RASStatus, now: ContinuousClock.Instant) -> [Finding] {
        var findings: [Finding] = []
        var next: [String: Trail] = [:]
        for communicator in status.communicators {
            let (trail, finding) = follow(communicator, of: status, after: trails[communicator.id], now)
            next[communicator.id] = trail
            if let finding { findings.append(finding) }
        }
        trails = next
        // Lost processes of which no communicator is left.
        let gone = Set(status.dead).intersection(lost)
        lost = Set(status.dead)
        if !gone.isEmpty, !findings.contains(where: { $0.kind == .lost }) {
            let names = gone.map(\.description).sorted()
            let more = names.count > 4 ? " and \(names.count - 4) more" : ""
            findings.append(
                Finding(
                    kind: .lost, communicator: "", ranks: RankSet(), jobRanks: nil,
                    text: "NCCL has given up \(names.prefix(4).joined(separator: ", "))\(more)"))
        }
        return findings
    }

    /// Forgets what was seen: RAS could not be asked, so nobody knows whether something moved meanwhile.
    package mutating func forget() {
        trails = [:]
        lost = []
    }

    private func follow(
        _ communicator: RASCommunicator, of status: RASStatus, after earlier: Trail?, _ now: ContinuousClock.Instant
    ) -> (Trail, Finding?) {
        var trail = Trail(counts: communicator.counts, frozenSince: nil, missing: communicator.missing)
        guard communicator.missing.isEmpty else {
            let before = Set((earlier?.missing ?? []).map(\.rank))
            let still = communicator.missing.filter { before.contains($0.rank) }
            return (trail, still.isEmpty ? nil : Self.lost(still, of: communicator, in: status))
        }
        guard communicator.isRunning, !communicator.differing.isEmpty else { return (trail, nil) }
        guard let earlier, earlier.counts == communicator.counts, let since = earlier.frozenSince else {
            trail.frozenSince = now
            return (trail, nil)
        }
        trail.frozenSince = since
        let frozen = now - since
        guard frozen >= confirmation else { return (trail, nil) }
        return (trail, Self.behind(communicator, for: frozen, in: status))
    }

    // MARK: sentences

    private static func lost(
        _ ranks: [RASMissingRank], of communicator: RASCommunicator, in status: RASStatus
    ) -> Finding {
        let set = RankSet(ranks.map(\.rank))
        let isDead = ranks.allSatisfy { $0.state == .dead }
        let verb =
            isDead ? (set.count == 1 ? "is dead" : "are dead") : set.count == 1 ? "does not answer" : "do not answer"
        return Finding(
            kind: .lost, communicator: communicator.id, ranks: set, jobRanks: status.jobRanks(set, of: communicator),
            text: "\(title(of: communicator)): \(set.title) \(verb)\(places(of: set, in: communicator))")
    }

    private static func behind(_ communicator: RASCommunicator, for time: Duration, in status: RASStatus) -> Finding {
        let differing = communicator.differing
        var behind = RankSet()
        for operation in differing { behind.formUnion(ranksBehind(in: communicator.counts[operation] ?? [])) }
        let everyone = differing.flatMap { communicator.counts[$0] ?? [] }.reduce(into: RankSet()) {
            $0.formUnion($1.ranks)
        }
        // Where everybody is behind in something, some have launched one operation and the others another.
        let diverges = differing.count > 1 && behind == everyone
        if diverges {
            let sets = differing.flatMap { communicator.counts[$0] ?? [] }.map(\.ranks).filter { !$0.isEmpty }
            behind = sets.min { ($0.count, $0) < ($1.count, $1) } ?? behind
        }
        let counts = differing.prefix(3).map { operation in
            let parts = (communicator.counts[operation] ?? []).prefix(4).map { count in
                "\(count.ranks.isEmpty ? "others" : count.ranks.title) \(count.launched)"
            }
            return "\(operation == "collective" ? "collectives" : operation): \(parts.joined(separator: ", "))"
        }.joined(separator: "; ")
        let reason =
            diverges
            ? "\(behind.title) launched another collective than the others"
            : behind.isEmpty ? "some ranks are behind" : "\(behind.title) \(behind.count == 1 ? "is" : "are") behind"
        // One look alone tells nothing of the time.
        let seconds = time.components.seconds
        let standing = seconds > 0 ? " and no rank has launched anything for \(seconds) s" : ""
        return Finding(
            kind: diverges ? .diverged : .behind, communicator: communicator.id, ranks: behind,
            jobRanks: status.jobRanks(behind, of: communicator),
            text:
                "\(title(of: communicator)): \(reason)\(standing) (\(counts))\(places(of: behind, in: communicator))"
        )
    }

    private static func ranksBehind(in counts: [RASCount]) -> RankSet {
        counts.dropFirst().reduce(into: RankSet()) { $0.formUnion($1.ranks) }
    }

    private static func title(of communicator: RASCommunicator) -> String {
        let ranks = communicator.size > 0 ? " of \(communicator.size) ranks" : ""
        return "NCCL communicator \(communicator.id.prefix { $0 != ":" }.prefix(32))\(ranks)"
    }

    private static func places(of ranks: RankSet, in communicator: RASCommunicator) -> String {
        let places = ranks.prefix(4).compactMap { rank in
            communicator.processes[rank].map { "rank \(rank) is \($0)" }
        }
        guard !places.isEmpty else { return "" }
        return "; " + places.joined(separator: "; ") + (ranks.count > 4 ? "; and \(ranks.count - 4) more" : "")
    }
}
