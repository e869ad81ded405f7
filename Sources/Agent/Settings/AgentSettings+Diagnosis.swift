public import FailureDiagnosis

extension AgentSettings {
    /// The built-in rules, what the rule files of the settings add and change, and DLRover's failure-node errors.
    ///
    /// - Throws: `SettingsError` with the rule file and line, and what is allowed.
    public func ruleTable() throws(SettingsError) -> RuleTable {
        var table = RuleTable.builtIn
        for path in values.texts("diagnosis.rules") {
            do throws(RuleTableError) {
                try table.apply(file: path)
            } catch {
                throw SettingsError(place: error.place, reason: error.reason)
            }
        }
        let key = "diagnosis.failure-node-errors"
        guard let errors = values.value(key), table.addFailureNodeErrors(errors.texts.joined()) == 0 else {
            return table
        }
        // DLRover's own variable means nothing to DLRover either if it is written otherwise.
        guard errors.origin == .environment("FAILURE_NODE_ERRORS") else {
            throw SettingsError(
                place: place(of: key),
                reason:
                    "it is '\(errors.texts.joined())'; it must be texts in number signs: #error code is 12345# error code is 23456#"
            )
        }
        return table
    }

    /// Whether masters are told of failures.
    var reportsFailures: Bool { values.toggle("diagnosis.report-failures") }

    /// What the settings know of a failure: the followed logs, the limits, the node.
    public func trainingFailure() -> TrainingFailure {
        var failure = TrainingFailure()
        failure.logs = values.texts("logs.files").map { LogSource(path: $0) }
        failure.kernelLog = values.text("diagnosis.kernel-log")
        failure.maxRestarts = values.number("diagnosis.max-restarts") ?? failure.maxRestarts
        failure.budget = values.duration("diagnosis.budget")
        failure.node = node
        return failure
    }
}
