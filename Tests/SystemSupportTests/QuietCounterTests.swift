import SystemSupport
import Testing

@Suite struct QuietCounterTests {
    @Test func saysTheFirstAtOnceAndThenSumsOnceInAWhile() {
        let start = ContinuousClock.now
        var counter = QuietCounter()
        #expect(counter.due(now: start) == nil)
        counter.count(3)
        #expect(counter.due(now: start) == 3)
        counter.count(4)
        counter.count(5)
        #expect(counter.due(now: start + .seconds(9)) == nil)
        #expect(counter.due(now: start + .seconds(10)) == 9)
        #expect(counter.due(now: start + .seconds(60)) == nil)
        counter.count(1)
        #expect(counter.takeRest() == 1)
        #expect(counter.takeRest() == nil)
        #expect(counter.total == 13)
    }

    @Test func neverOverflows() {
        var counter = QuietCounter()
        counter.count(.max)
        counter.count(.max)
        #expect(counter.total == .max)
    }
}
