internal import Diagnosis
internal import Logging
private import Synchronization
private import SystemSupport

/// The last step of every collector's `storeData`: reports metrics and logs the outcome in the arobust guide's words.
final class MetricReport: Sendable {
    /// To follow "Reported": `log content`.
    let content: String
    /// To stand in the warning and the error: `log data`.
    let data: String
    let logger: Logger
    private let problem = Mutex(ProblemLog(interval: 240))

    init(content: String, data: String, logger: Logger) {
        self.content = content
        self.data = data
        self.logger = logger
    }

    /// A lasting failure is logged at once, then every 240 rounds (a minute, for a log), and when it is over.
    ///
    /// - Returns: whether the client has accepted the metric. Nothing is thrown: the error is logged here.
    func send(
        _ metric: WorkerTrainingMetric, position: SourcePosition? = nil, to client: (any MasterClient)?
    ) async -> Bool {
        await send([metric], position: position, to: client)
    }

    /// - Parameters:
    ///   - metrics: not empty; the first is the one that the log tells of.
    ///   - isUrgent: whether they are to be safe on disk before this returns, where the client has a disk.
    func send(
        _ metrics: [WorkerTrainingMetric], position: SourcePosition? = nil, isUrgent: Bool = false,
        to client: (any MasterClient)?
    ) async -> Bool {
        guard let client else {
            logger.warning("Master client not set, \(data) not reported")
            return false
        }
        do {
            if isUrgent, let client = client as? any UrgentReporter {
                try await client.reportUrgently(metrics)
            } else {
                try await client.reportDiagnosisAgentMetrics(metrics, position: position)
            }
        } catch {
            if problem.withLock({ $0.shouldReport("\(error)") }) {
                logger.error("Failed to report \(data) to master: \(error)")
            }
            return false
        }
        if problem.withLock({ $0.solve() }) { logger.notice("Reporting \(data) works again") }
        logger.debug("Reported \(content): \(metrics[0].dataContent.unicodeScalars.count) characters")
        return true
    }
}
