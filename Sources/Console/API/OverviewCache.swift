internal import ConsoleStore
private import Synchronization

/// The overview with its sentence, made at most twice a second however many pages ask: it takes five questions.
final class OverviewCache: Sendable {
    typealias Answer = (overview: OverviewAnswer, ranks: Int, verdicts: [Verdict])

    private static let age = 0.5
    private static let mostOthers = 20

    private let store: ConsoleStore
    private let newest = Mutex<Answer?>(nil)

    init(store: ConsoleStore) { self.store = store }

    func read(now: Double) async throws -> Answer {
        if let newest = newest.withLock({ $0 }), abs(now - newest.overview.now) < Self.age { return newest }
        var overview = try await store.overview()
        overview.now = now
        let situation = Situation(
            now: now, ranks: try await store.ranks(limit: 5000),
            incidents: try await store.incidents(limit: 50, after: nil).incidents,
            failures: try await store.failures(limit: 1000, after: nil).failures, freshness: overview.freshness,
            gaps: try await store.delivery().gaps, problem: store.counters.problem)
        let answer = (
            overview: overview, ranks: situation.ranks.count,
            verdicts: Array(situation.verdicts.prefix(Self.mostOthers + 1))
        )
        newest.withLock { $0 = answer }
        return answer
    }
}
