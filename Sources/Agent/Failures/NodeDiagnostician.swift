package import Diagnosis
package import FailureDiagnosis
package import Logging
internal import SystemSupport
private import ZMQBridge

/// Diagnoses failures of this node's training, with the settings' rules, and with what failed here before.
package struct NodeDiagnostician: Sendable {
    private let diagnostician: FailureDiagnostician
    private let memory: FailureMemory
    private let job: String

    /// Reads the settings' rule files.
    ///
    /// - Throws: `SettingsError` with the rule file and line, and what is allowed.
    package init(settings: AgentSettings, logger: Logger) throws(SettingsError) {
        diagnostician = FailureDiagnostician(try settings.ruleTable())
        job = settings.values[\.diagnosis.job] ?? settings.values[\.jobUID] ?? ""
        memory = FailureMemory(
            // What a stranger has made remembers nothing for us.
            directory: try settings.stateDirectories().first { (try? $0.checkForClients()) != nil }?.path,
            longest: settings.values[\.diagnosis.memory], logger: logger)
    }

    /// Takes no longer than the failure's budget and a moment, on a separate thread, and never throws.
    ///
    /// `history` is filled in, and the cause is remembered in the state directory, if there is one: a cause that comes back on
    /// this node is answered with a relaunch where its rule says so. A log on a file server that doesn't answer keeps the thread for good;
    /// the verdict then rests on what the launcher says.
    package func diagnose(_ failure: TrainingFailure) async -> FailureVerdict {
        let work: @Sendable () -> FailureVerdict = { [self] in diagnoseNow(failure) }
        // The diagnosis ends by itself within its budget unless a call hangs.
        if let verdict = await PinnedThread.run(
            name: "arobust-diag", patience: failure.budget + Self.patience, work)
        {
            return verdict
        }
        var rest = failure
        rest.logs = []
        rest.errorFiles = []
        rest.kernelLog = nil
        var verdict = diagnostician.diagnose(rest)
        verdict.notes.append("reading the files did not end within \(failure.budget); they are left out")
        return verdict
    }

    /// How long to wait beyond the budget, for a machine that is busy.
    private static let patience: Duration = .milliseconds(500)

    private func diagnoseNow(_ failure: TrainingFailure) -> FailureVerdict {
        let now = Int64(failure.clock.now)
        var failure = failure
        failure.history += memory.failures(now: now)
        if failure.job.isEmpty { failure.job = job }
        let (verdict, record) = diagnostician.diagnoseAndRecord(failure)
        if let record { memory.remember(record) }
        return verdict
    }
}
