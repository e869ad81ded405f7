internal import Diagnosis
internal import FailureDiagnosis
internal import Logging
internal import MasterClients

/// What masters are told of a failure: its cause first, then what the launcher said.
struct FailureReport: Sendable {
    private let failure: NodeFailure

    init(_ failure: TrainingFailure, _ verdict: FailureVerdict) {
        self.failure = NodeFailure.forDLRover(
            failures: failure.failures ?? "{}", decisiveLine: verdict.cause?.text, restartCount: failure.restartCount,
            level: .processError, node: failure.node)
    }

    /// Tells those clients that can tell a master, all at once; what fails is logged.
    ///
    /// - Returns: whether all took it.
    @discardableResult
    func send(to clients: [any MasterClient], logger: Logger) async -> Bool {
        await withTaskGroup { group in
            for client in clients {
                group.addTask { await send(to: client, logger: logger) }
            }
            return await group.reduce(true) { $0 && $1 }
        }
    }

    private func send(to client: any MasterClient, logger: Logger) async -> Bool {
        guard let reporter = client as? any FailureReporter else {
            logger.warning("A failure is not reported: the client is of a kind that can't.")
            return false
        }
        do {
            try await reporter.reportFailures(failure)
            logger.info("The failure was reported.")
            return true
        } catch {
            logger.error("Failed to report a failure to the master: \(error)")
            return false
        }
    }
}
