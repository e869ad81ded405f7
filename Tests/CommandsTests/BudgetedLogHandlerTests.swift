import Logging
import Synchronization
import TestSupport
import Testing

@testable import Commands

@Suite(.timeLimit(.minutes(1))) struct BudgetedLogHandlerTests {
    private let capture = LogCapture()
    private let seconds = Seconds()

    private final class Seconds: Sendable {
        private let start = ContinuousClock.now
        let passed = Mutex(0)
        var now: ContinuousClock.Instant { passed.withLock { start + .seconds($0) } }
    }

    private func logger(level: Logger.Level = .debug) -> (Logger, LogBudget) {
        let budget = LogBudget { [seconds] in seconds.now }
        var logger = Logger(label: "t") { [capture] _ in BudgetedLogHandler(capture.logger.handler, budget: budget) }
        logger.logLevel = level
        return (logger, budget)
    }

    private func refuse(_ logger: Logger, _ count: Int) {
        for number in 0..<count { logger.warning("refused", metadata: ["reason": "\(number)"]) }
    }

    @Test func aFloodIsAHandfulAndACount() {
        let (logger, budget) = logger()
        refuse(logger, 1000)
        logger.error("another thing")
        #expect(capture.messages == Array(repeating: "refused", count: 10) + ["another thing"])
        seconds.passed.withLock { $0 = 5 }
        refuse(logger, 500)
        #expect(capture.messages.last == "refused (990 more like it were held back)")
        seconds.passed.withLock { $0 = 100 }
        logger.info("later")
        #expect(
            capture.messages.suffix(2) == ["499 more lines were held back that are like this one: refused", "later"])
        refuse(logger, 30)
        budget.tellRest(to: capture.logger.handler)
        #expect(capture.messages.last == "21 more lines were held back that are like this one: refused")
    }

    @Test func everyMasterHasItsOwnBudget() {
        var (logger, _) = logger()
        for master in 0..<50 {
            logger[metadataKey: "master"] = "\(master)"
            refuse(logger, 1)
        }
        #expect(capture.messages.count == 50)
    }

    @Test func debuggingHasNoLimit() {
        let (logger, _) = logger()
        for _ in 0..<100 { logger.debug("detail") }
        #expect(capture.messages.count == 100)
    }
}
