internal import Diagnosis
internal import Logging
private import Synchronization

/// What the log says of a master: changes of its state at once, repetitions and losses at most once in a while.
final class MasterLog: Sendable {
    private struct State {
        var failingSince: ContinuousClock.Instant?
        var failures = 0
        var lastCode: ReportError.Code?
        var overflow = QuietCounter()
        var refusals = QuietCounter()
    }

    private let logger: Logger
    private let state = Mutex(State())

    init(master: String, logger: Logger) {
        var logger = logger
        logger[metadataKey: "master"] = "\(master)"
        self.logger = logger
    }

    func succeeded() {
        let (outage, due) = state.withLock { state -> ((failures: Int, duration: Duration)?, Int?) in
            defer {
                state.failingSince = nil
                state.failures = 0
                state.lastCode = nil
            }
            return (state.failingSince.map { (state.failures, $0.duration(to: .now)) }, state.overflow.due())
        }
        if let due { sayGivenUp(due) }
        guard let outage else { return }
        logger.notice(
            "The master accepts reports again.",
            metadata: ["failures": "\(outage.failures)", "outage": "\(DurationText.write(outage.duration))"])
    }

    func failed(_ failure: ReportOutcome.Failure, type: DiagnosisDataType, refused: Int) {
        let error = failure.error
        if error.code == .refused {
            guard refused > 0 else {
                logger.warning(
                    "The master refused a joined report; its envelopes are sent one by one.",
                    metadata: ["type": "\(type)", "envelopes": "\(failure.count)", "error": "\(error)"])
                return
            }
            noteRefusal(error, type: type)
            return
        }
        guard isNews(error.code) else { return }
        let metadata: Logger.Metadata = ["type": "\(type)", "error": "\(error)"]
        switch error.code {
        case .wrongJob:
            logger.error("The master belongs to another job; nothing more is sent to it.", metadata: metadata)
        case .deadlineExceeded: logger.warning("The master did not answer in time; trying again.", metadata: metadata)
        case .storage: logger.warning("A report could not be written; trying again.", metadata: metadata)
        case .closed: break
        default: logger.warning("The master cannot be reached; trying again.", metadata: metadata)
        }
    }

    /// Whether a failure is of another kind than the last one.
    private func isNews(_ code: ReportError.Code) -> Bool {
        state.withLock { state in
            state.failures += 1
            state.failingSince = state.failingSince ?? .now
            defer { state.lastCode = code }
            return state.lastCode != code
        }
    }

    /// Notes envelopes that were given up while running.
    func gaveUp(_ count: Int) {
        let due = state.withLock { state in
            state.overflow.count(count)
            return state.overflow.due()
        }
        if let due { sayGivenUp(due) }
    }

    private func noteRefusal(_ error: ReportError, type: DiagnosisDataType) {
        let due = state.withLock { state in
            state.refusals.count(1)
            return state.refusals.due()
        }
        guard let due else { return }
        logger.error(
            "The master refused a report for good.",
            metadata: ["type": "\(type)", "error": "\(error)", "refused": "\(due)"])
    }

    private func sayGivenUp(_ count: Int) {
        logger.error(
            "Envelopes were given up because too much waits for the master.", metadata: ["envelopes": "\(count)"])
    }

    /// Says at the end what became of all, and what has not been said of it yet.
    func summarize(_ counts: [Lane: LaneCounts]) {
        let (overflow, unsaid, isWrongJob) = state.withLock { state in
            (state.overflow.total, state.overflow.takeRest(), state.lastCode == .wrongJob)
        }
        if let unsaid { sayGivenUp(unsaid) }
        let unsent = counts.values.reduce(0) { $0 + Int($1.lost) } - overflow
        if unsent > 0 {
            logger.error(
                isWrongJob
                    ? "Envelopes were not sent because the master belongs to another job."
                    : "Envelopes were given up because the time to deliver them is over.",
                metadata: ["envelopes": "\(unsent)"])
        }
        for (lane, count) in counts.sorted(by: { $0.key.description < $1.key.description }) {
            logger.info(
                "Reporting to the master has ended.",
                metadata: [
                    "lane": "\(lane)", "delivered": "\(count.delivered)", "refused": "\(count.refused)",
                    "lost": "\(count.lost)",
                ])
        }
    }
}
