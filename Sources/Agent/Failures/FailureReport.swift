package import Diagnosis
package import FailureDiagnosis
package import Logging
internal import MasterClients

/// What masters are told of a failure: its cause first, then what the launcher said.
struct FailureReport: Sendable {
    private let failure: NodeFailure

    init(_ failure: TrainingFailure, _ verdict: FailureVerdict) {
        self.failure = NodeFailure.forDLRover(
            failures: failure.failures ?? "{}", decisiveLine: verdict.cause?.text, restartCount: failure.restartCount,
            level: .processError, node: failure.node)
    }

    /// Reports it through each client that can, all at once; what fails is logged.
    ///
    /// - Returns: whether it was reported through every client.
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
            logger.warning("A failure is not reported: a client of this kind can't do that.")
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

/// Reports a failure to the settings' DLRover masters, for programs without a client.
package struct MasterFailureReports: Sendable {
    private let masters: [MasterSettings]
    private let logger: Logger

    /// - Returns: `nil` where `diagnosis.report-failures` is off.
    /// - Throws: `SettingsError` if it is on and no DLRover master is set.
    package init?(settings: AgentSettings, logger: Logger) throws(SettingsError) {
        guard settings.reportsFailures else { return nil }
        masters = try settings.masters().filter { $0.url.isDLRover }
        self.logger = logger
        guard !masters.isEmpty else {
            throw SettingsError(
                place: settings.place(of: \.diagnosis.reportFailures),
                reason: "there is no DLRover master to report failures to; set --master or DLROVER_MASTER_ADDR")
        }
    }

    /// Reports to all masters at once, each within its deadline; what fails is logged.
    ///
    /// - Returns: whether all of them took it.
    package func send(_ failure: TrainingFailure, _ verdict: FailureVerdict) async throws -> Bool {
        let clients = try masters.map { try $0.url.makeReporter(options: $0.options, logger: logger) }
        let isTaken = await FailureReport(failure, verdict).send(to: clients, logger: logger)
        for client in clients { await client.close() }
        return isTaken
    }
}
