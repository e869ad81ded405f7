import Testing

@testable import Collectors

@Suite struct BacklogPaceTests {
    private var pace = BacklogPace()
    private let start = ContinuousClock.now

    private mutating func record(_ unread: UInt64, after seconds: Double) {
        pace.record(unread: unread, at: start + .seconds(seconds))
    }

    @Test mutating func aBacklogThatIsWorkedOffHasAnEnd() {
        #expect(pace.secondsLeft == 0)
        record(1000, after: 0)
        #expect(pace.secondsLeft == nil)
        record(900, after: 1)
        #expect(pace.secondsLeft == nil, "one second tells nothing")
        record(800, after: 2)
        #expect(pace.secondsLeft == 8)
        record(0, after: 9)
        #expect(pace.secondsLeft == 0)
        record(500, after: 10)
        #expect(pace.secondsLeft == nil, "the next backlog has a pace of its own")
    }

    @Test mutating func oneThatGrowsHasNone() {
        for second in 0..<10 { record(1000 + UInt64(second), after: Double(second)) }
        #expect(pace.secondsLeft == nil)
    }

    @Test mutating func onlyTheLastHalfMinuteCounts() {
        for second in 0...100 { record(1_000_000, after: Double(second)) }
        for second in 101...140 { record(1_000_000 - UInt64(second - 100) * 1000, after: Double(second)) }
        #expect(pace.secondsLeft == 960)
    }
}
