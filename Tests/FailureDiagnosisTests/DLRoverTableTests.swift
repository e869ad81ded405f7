import Diagnosis
import FailureDiagnosis
import TestSupport
import Testing

/// DLRover's own answers (`Fixtures/make-dlrover-table`, dlrover 0.6.1) for what both sides know: FAILURE_NODE_ERRORS and the restarts left.
@Suite struct DLRoverTableTests {
    static let rows: [JSONValue] = {
        guard let bytes = try? TestFiles.read(TestFiles.fixtures + "/dlrover-table.json"),
            case .array(let rows)? = JSONValue(bytes)
        else { return [] }
        return rows
    }()

    @Test func tableIsThere() { #expect(Self.rows.count == 288) }

    /// Every key and value of the action but the time, and the reason, which DLRover leaves empty.
    @Test(arguments: rows) func answersAsDLRoverDoes(_ row: JSONValue) throws {
        let scratch = ScratchFolder()
        var table = RuleTable.builtIn
        table.addFailureNodeErrors(try #require(row["errors"]?.string))
        var failure = TrainingFailure()
        if let log = row["log"]?.string { failure.logs = [LogSource(path: try scratch.write(log, to: "train.log"))] }
        failure.failures = row["failures"]?.string
        failure.maxRestarts = 3
        failure.restartCount = 3 - (try #require(row["remaining"]?.integer))
        failure.node = NodeIdentity(id: 7)
        failure.clock = LogClock(now: 1_795_482_000)
        let verdict = FailureDiagnostician(table).diagnose(failure)
        guard case .object(let expected)? = row["action"] else { return }
        let found = verdict.action.jsonMembers(timestamp: 0)
        #expect(Set(found.keys) == Set(expected.keys))
        for (key, value) in expected where key != "reason" { #expect(found[key] == value, "\(key)") }
    }
}
