import SystemSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct LineBudgetTests {
    private typealias Budget = LineBudget<Int>
    private let start = ContinuousClock.now

    private func spend(_ budget: inout Budget, _ count: Int, site: Int = 1, at seconds: Int = 0) -> Int {
        (0..<count).count { _ in budget.decide(site, "m", now: start + .seconds(seconds)) != .held }
    }

    @Test func aBurstThenOneInAWhile() {
        var budget = Budget()
        #expect(spend(&budget, 1000) == 10)
        #expect(spend(&budget, 1000, at: 4) == 0)
        #expect(budget.decide(1, "m", now: start + .seconds(5)) == .logged(held: 1990))
        #expect(budget.decide(1, "m", now: start + .seconds(10)) == .logged(held: 0))
        // After a quiet time all of the burst is there again, and no more.
        #expect(spend(&budget, 1000, at: 1000) == 10)
    }

    @Test func anotherSiteHasItsOwn() {
        var budget = Budget()
        #expect(spend(&budget, 1000, site: 1) == 10)
        #expect(budget.decide(2, "m", now: start) == .logged(held: 0))
    }

    @Test func whatIsHeldBackIsToldWhenNothingMoreComes() {
        var budget = Budget()
        _ = spend(&budget, 15)
        #expect(budget.takeSilences(now: start + .seconds(9)) == [])
        let silence = budget.takeSilences(now: start + .seconds(10)).first
        #expect(silence?.site == 1)
        #expect(silence?.held == 5)
        #expect(silence?.example == "m")
        #expect(budget.takeSilences(now: start + .seconds(20)) == [])
        _ = spend(&budget, 15, site: 2, at: 20)
        #expect(budget.takeSilences(now: start + .seconds(20), isLast: true).map(\.held) == [5])
    }

    @Test func sitesAreBounded() {
        var budget = Budget()
        let logged = (0..<5000).count { budget.decide($0, "m", now: start) != .held }
        #expect(logged == Budget.maximumSites + Budget.burst)
        #expect(budget.takeSilences(now: start, isLast: true) == [])
    }
}
