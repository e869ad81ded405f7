package import Diagnosis
package import FailureDiagnosis
package import Logging
internal import SystemSupport
private import ZMQBridge

/// Diagnoses failures of this node's training, with the settings' rules, and with what failed here before.
package struct NodeDiagnostician: Sendable {
    private let diagnostician: FailureDiagnostician
    private let memory: FailureMemory

    /// Reads the settings' rule files.
    ///
    /// - Throws: `SettingsError` with the rule file and line, and what is allowed.
    package init(settings: AgentSettings, logger: Logger) throws(SettingsError) {
        diagnostician = FailureDiagnostician(try settings.ruleTable())
        memory = FailureMemory(
            directory: try settings.stateDirectories().first?.path,
            longest: settings.values[\.diagnosis.memory], logger: logger)
    }

    /// Takes no longer than the failure's budget and a moment, on a separate thread, and never throws.
    ///
    /// `earlierFailures` is filled in, and the cause is remembered in the state directory, if there is one: a cause that comes back on
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
    private static let patience: Duration = .milliseconds(200)

    private func diagnoseNow(_ failure: TrainingFailure) -> FailureVerdict {
        let now = Int64(failure.clock.now)
        var failure = failure
        failure.earlierFailures.merge(memory.causes(now: now)) { $0.union($1) }
        let verdict = diagnostician.diagnose(failure)
        if let cause = verdict.cause, let signature = verdict.signature {
            memory.remember(FailureMemory.Entry(time: now, rule: cause.rule, signature: signature))
        }
        return verdict
    }
}
