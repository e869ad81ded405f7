internal import Diagnosis
internal import Logging
private import Synchronization

/// Logs what is refused, the first at once and then one in a while: a client tries each ten times.
final class RefusalLog: Sendable {
    private struct State {
        var next = ContinuousClock.now
        var suppressed = 0
    }

    private let interval: Duration
    private let logger: Logger
    private let state = Mutex(State())

    init(interval: Duration, logger: Logger) {
        self.interval = interval
        self.logger = logger
    }

    func note(_ error: ReportError) {
        let suppressed: Int? = state.withLock { state in
            guard ContinuousClock.now >= state.next else {
                state.suppressed += 1
                return nil
            }
            state.next = .now + interval
            defer { state.suppressed = 0 }
            return state.suppressed
        }
        guard let suppressed else { return }
        logger.warning(
            "A DLRover client's metric was refused.",
            metadata: ["reason": "\(error)", "others-since": "\(suppressed)"])
    }
}
