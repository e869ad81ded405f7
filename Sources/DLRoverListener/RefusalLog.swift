internal import Diagnosis
internal import Logging
private import Synchronization

/// Logs what is refused, the first at once and then one in a while: a client tries each ten times.
final class RefusalLog: Sendable {
    private let logger: Logger
    private let counter: Mutex<QuietCounter>

    init(quietTime: Duration, logger: Logger) {
        self.logger = logger
        counter = Mutex(QuietCounter(quietTime: quietTime))
    }

    func note(_ error: ReportError) {
        let due: Int? = counter.withLock { counter in
            counter.count(1)
            return counter.due()
        }
        guard let due else { return }
        logger.warning(
            "A DLRover client's metric was refused.", metadata: ["reason": "\(error)", "calls": "\(due)"])
    }
}
