import Diagnosis
import TestSupport
import Testing

@testable import DLRoverListener
@testable import GRPCServing

@Suite struct RefusalLogTests {
    @Test func theFirstIsToldAtOnceAndTheOthersAreCounted() {
        let capture = LogCapture()
        let log = RefusalLog(quietTime: .seconds(60), logger: capture.logger)
        let start = ContinuousClock.now
        for number in 1...5 {
            log.record(ReportError(code: .refused, message: "reason \(number)"), now: start + .seconds(number * 10))
        }
        log.record(ReportError(code: .refused, message: "reason 6"), now: start + .seconds(71))
        #expect(capture.lines.count == 2)
        #expect(capture.lines.first?.contains("reason 1") == true)
        #expect(capture.lines.last?.contains("calls=5") == true)
    }
}
