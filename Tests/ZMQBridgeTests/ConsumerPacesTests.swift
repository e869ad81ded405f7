import Testing

@testable import ZMQBridge

struct ConsumerPacesTests {
    private func mark(_ finished: UInt64, _ published: UInt64) -> ConsumerPaces.Mark {
        ConsumerPaces.Mark(finished: finished, published: published)
    }

    @Test func theRestTakesAsLongAsTheGainSays() {
        var paces = ConsumerPaces()
        for second in stride(from: Int64(0), through: 10, by: 2) {
            paces.record(mark(UInt64(second) * 2400, 100_000 + UInt64(second) * 100), of: "m", now: 1000 + second)
        }
        let pace = paces.pace(of: "m", now: mark(24_000, 101_000), at: 1010, pending: 77_000)
        #expect(pace?.finishedPerSecond == 2400)
        #expect(pace?.publishedPerSecond == 100)
        #expect(pace?.secondsLeft == 33.5)
    }

    @Test func whatDoesNotGetLessHasNoEnd() {
        var paces = ConsumerPaces()
        paces.record(mark(0, 0), of: "m", now: 0)
        let pace = paces.pace(of: "m", now: mark(50, 100), at: 10, pending: 50)
        #expect(pace?.finishedPerSecond == 5 && pace?.publishedPerSecond == 10 && pace?.secondsLeft == nil)
        #expect(paces.pace(of: "m", now: mark(100, 100), at: 10, pending: 0)?.secondsLeft == 0)
    }

    @Test func aPaceIsThatOfTheLastHalfMinute() {
        var paces = ConsumerPaces()
        paces.record(mark(0, 1000), of: "m", now: 0)
        for second in stride(from: Int64(2), through: 100, by: 2) { paces.record(mark(0, 1000), of: "m", now: second) }
        // It has stood still for long, and goes on at last.
        #expect(paces.pace(of: "m", now: mark(300, 1000), at: 100, pending: 700)?.finishedPerSecond == 10)
    }

    @Test func nothingIsSaidOfAMomentOrAfterAStepBack() {
        var paces = ConsumerPaces()
        #expect(paces.pace(of: "m", now: mark(1, 1), at: 5, pending: 1) == nil)
        paces.record(mark(10, 10), of: "m", now: 100)
        #expect(paces.pace(of: "m", now: mark(20, 20), at: 103, pending: 1) == nil)
        #expect(paces.pace(of: "m", now: mark(20, 20), at: 104, pending: 1) != nil)
        // The clock was set back: the old marks are of no use.
        paces.record(mark(20, 20), of: "m", now: 50)
        #expect(paces.pace(of: "m", now: mark(30, 30), at: 60, pending: 1)?.finishedPerSecond == 1)
        #expect(paces.pace(of: "m", now: mark(5, 30), at: 60, pending: 1) == nil)
        paces.keep([])
        #expect(paces.pace(of: "m", now: mark(30, 30), at: 60, pending: 1) == nil)
    }

    @Test func marksAreFew() {
        var paces = ConsumerPaces()
        #expect(paces.wantsMark(of: "m", now: 7))
        paces.record(mark(1, 1), of: "m", now: 7)
        #expect(!paces.wantsMark(of: "m", now: 8))
        #expect(paces.wantsMark(of: "m", now: 9))
    }
}
