import Diagnosis
import Foundation
import Logging

/// A collector of your own: reports the node's load as a GENERIC metric.
actor LoadCollector: DataCollector {
    let name = "load"
    private let logger = Logger(label: "load-collector")
    private var client: (any MasterClient)?

    func isEnabled() -> Bool {
        FileManager.default.isReadableFile(atPath: "/proc/loadavg")
    }

    func collectData() -> String? {
        try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)
    }

    @discardableResult
    func storeData(_ data: String) async -> Bool {
        guard let client else {
            logger.warning("Master client not set, load not reported")
            return false
        }
        do {
            try await client.reportDiagnosisAgentMetrics(
                WorkerTrainingMetric(dataType: .generic, dataContent: "load \(data)", node: NodeIdentity()))
            return true
        } catch {
            logger.error("Failed to report load to master: \(error)")
            return false
        }
    }

    func setClient(_ client: any MasterClient) {
        self.client = client
    }
}
