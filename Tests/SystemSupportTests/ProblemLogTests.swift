import SystemSupport
import Testing

@Suite struct ProblemLogTests {
    @Test func aProblemIsToldWhenItBeginsChangesAndNowAndThen() {
        var problems = ProblemLog(interval: 3)
        #expect(!problems.solve())
        #expect(problems.shouldReport("away"))
        #expect(!problems.shouldReport("away"))
        #expect(!problems.shouldReport("away"))
        #expect(problems.shouldReport("away"))
        #expect(problems.shouldReport("refused"))
        #expect(problems.isOpen)
        #expect(problems.solve())
        #expect(!problems.solve())
        #expect(problems.shouldReport("refused"))
    }

    @Test func withoutAnIntervalItIsToldOnce() {
        var problems = ProblemLog()
        #expect(problems.shouldReport("away"))
        for _ in 0..<1000 { #expect(!problems.shouldReport("away")) }
    }
}
