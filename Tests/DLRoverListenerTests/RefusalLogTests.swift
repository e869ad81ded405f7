import Diagnosis
import InMemoryLogging
import Logging
import Testing

@testable import DLRoverListener

@Suite struct RefusalLogTests {
    @Test func theFirstIsToldAtOnceAndTheOthersAreCounted() async throws {
        let handler = InMemoryLogHandler()
        let log = RefusalLog(quietTime: .milliseconds(50), logger: Logger(label: "test", factory: { _ in handler }))
        for number in 1...5 { log.note(ReportError(code: .refused, message: "reason \(number)")) }
        try await Task.sleep(for: .milliseconds(80))
        log.note(ReportError(code: .refused, message: "reason 6"))
        #expect(handler.entries.count == 2)
        #expect(handler.entries.first.map { "\($0.metadata)" }?.contains("reason 1") == true)
        #expect(handler.entries.last?.metadata["calls"] == "5")
    }
}
