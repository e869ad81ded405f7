import Diagnosis
import Testing

@testable import Delivery

/// What a master says beside yes and no: when it wants to be called again, and that it refuses all that a call carried.
@Suite struct MasterWishesTests {
    private typealias Fixture = DeliveryStateTests.Fixture

    private func failure(after wanted: Duration?, count: Int = 1) -> ReportOutcome.Failure {
        .init(count: count, error: ReportError(code: .unavailable, message: "busy", retryAfter: wanted))
    }

    @Test(arguments: [(Duration.seconds(20), 20), (.seconds(86_400), 600), (.milliseconds(1), 0)])
    func `a master is not called before the time it asks for, within bounds`(_ wanted: Duration, _ least: Int) throws {
        var fixture = Fixture { $0.batchTime = .zero }
        fixture.add(.test(["a"]))
        try fixture.call(at: .zero, failure(after: wanted))
        let until = try #require(fixture.state.breaker.pausedUntil)
        #expect(until >= Fixture.start.instant + .seconds(least))
        #expect(until <= Fixture.start.instant + .seconds(least) + .seconds(1))
        fixture.state.breaker.skipPause()
        #expect(fixture.send(at: .seconds(1)) == "send a")
    }

    @Test func `a call that failed beside another one can still ask for more time`() throws {
        var fixture = Fixture { $0.batchTime = .zero }
        fixture.add(.test(["a"]))
        fixture.add(.test(["b"], type: .generic))
        let first = try #require(fixture.next(at: .zero).call)
        let second = try #require(fixture.next(at: .zero).call)
        fixture.complete(first, accepted: 0, failure(after: nil), at: .zero)
        fixture.complete(second, accepted: 0, failure(after: .seconds(30)), at: .zero)
        #expect(fixture.state.breaker.failures == 1)
        #expect(fixture.state.breaker.pausedUntil == Fixture.start.instant + .seconds(30))
    }

    @Test func `a refusal of all sends none of them again`() throws {
        var fixture = Fixture { $0.batchTime = .zero }
        fixture.add(.test(["a", "b", "c"]))
        let refusal = ReportOutcome.Failure(
            count: 2, error: ReportError(code: .refused, message: "no"), concernsAll: true)
        try fixture.call(at: .zero, refusal)
        #expect(fixture.counts()?.skipped == ["refused": 2])
        #expect(fixture.send(at: .zero) == "send c")
    }

    @Test func `rejected records are in the state`() throws {
        var fixture = Fixture { $0.batchTime = .zero }
        fixture.add(.test(["a"]))
        let call = try #require(fixture.next(at: .zero).call)
        var outcome = ReportOutcome(accepted: 1, changed: [ReportOutcome.partlyRejected: 1])
        outcome.rejectedRecords = 5
        _ = fixture.state.complete(call, outcome, now: Fixture.start)
        #expect(fixture.counts()?.changed == ["partly-rejected": 1])
        _ = fixture.send(at: .zero)
        #expect(fixture.states(at: .zero)["rejected_records"] == "5")
    }
}
