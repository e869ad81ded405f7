internal import Diagnosis
internal import Logging

/// The end of every collector's `storeData`: report one metric and log the outcome in the arobust guide's words.
struct MetricReport {
    /// To follow "Reported": `log content`.
    let content: String
    /// To stand in the warning and the error: `log data`.
    let data: String
    let logger: Logger

    /// - Returns: whether the client has accepted the metric. Nothing is thrown: the error is logged here.
    func send(
        _ metric: WorkerTrainingMetric, position: SourcePosition? = nil, to client: (any MasterClient)?
    ) async -> Bool {
        guard let client else {
            logger.warning("Master client not set, \(data) not reported")
            return false
        }
        do {
            try await client.reportDiagnosisAgentMetrics([metric], position: position)
        } catch {
            logger.error("Failed to report \(data) to master: \(error)")
            return false
        }
        logger.debug("Reported \(content): \(metric.dataContent.unicodeScalars.count) characters")
        return true
    }
}
