import SystemSupport
import Testing

@Suite struct ProblemLogTests {
    private func expect(
        _ answer: Bool, _ problems: inout ProblemLog, location: SourceLocation = #_sourceLocation,
        _ call: (inout ProblemLog) -> Bool
    ) {
        let got = call(&problems)
        #expect(got == answer, sourceLocation: location)
    }

    @Test func aProblemIsToldWhenItBeginsChangesAndNowAndThen() {
        var problems = ProblemLog(interval: 3)
        expect(false, &problems) { $0.solve() }
        expect(true, &problems) { $0.shouldReport("away") }
        expect(false, &problems) { $0.shouldReport("away") }
        expect(false, &problems) { $0.shouldReport("away") }
        expect(true, &problems) { $0.shouldReport("away") }
        expect(true, &problems) { $0.shouldReport("refused") }
        #expect(problems.isOpen)
        expect(true, &problems) { $0.solve() }
        expect(false, &problems) { $0.solve() }
        expect(true, &problems) { $0.shouldReport("refused") }
    }

    @Test func withoutAnIntervalItIsToldOnce() {
        var problems = ProblemLog()
        expect(true, &problems) { $0.shouldReport("away") }
        for _ in 0..<1000 { expect(false, &problems) { $0.shouldReport("away") } }
    }
}
