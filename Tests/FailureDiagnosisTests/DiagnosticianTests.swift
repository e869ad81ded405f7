import Diagnosis
import FailureDiagnosis
import Foundation
import TestSupport
import Testing

@Suite struct DiagnosticianTests {
    private let diagnostician = FailureDiagnostician(.builtIn)

    private func failure(_ logs: [LogSource]) -> TrainingFailure {
        var failure = TrainingFailure()
        failure.logs = logs
        failure.clock = LogClock(now: 1_795_482_000)
        return failure
    }

    @Test func theEvidenceNamesTheLine() throws {
        let scratch = ScratchFolder()
        let path = try scratch.write(
            "2026-11-24 00:00:00 one\n2026-11-24 00:00:01,500 two\n[rank3]: ValueError: é\nend\n", to: "train.log")
        let verdict = diagnostician.diagnose(failure([LogSource(path: path)]))
        let cause = try #require(verdict.cause)
        #expect(cause.rule == "python.exception")
        #expect(cause.text == "[rank3]: ValueError: é")
        #expect(cause.file == path)
        #expect(cause.offset == 52)
        #expect(cause.line == 3)
        #expect(cause.rank == 3)
        #expect(cause.time == 1_795_478_401.5)
        #expect(cause.isTimeEstimated)
        #expect(cause.domain == .userCode)
        #expect(verdict.action.type == "restart_worker")
        #expect(verdict.reason.contains("rank 3"))
    }

    @Test func theJSONHasDLRoversKeysAtTopLevel() throws {
        let scratch = ScratchFolder()
        let path = try scratch.write("train.py: error: unrecognized arguments: --x\nncclRemoteError: y\n", to: "l.log")
        let json = diagnostician.diagnose(failure([LogSource(path: path)])).json
        guard case .object(let members) = json else { return }
        #expect(
            Set(members.keys) == [
                "action_type", "cause", "instance", "timestamp", "expired_time_period", "executable_time_period",
                "reason",
                "msg", "explanation", "evidence", "cascades", "notes",
            ])
        #expect(json["action_type"] == .string("job_abortion"))
        #expect(json["instance"] == .int(-1))
        #expect(json["cascades"]?["nccl.peer-gone"] == .int(1))
        #expect(JSONValue(Array(try #require(json.text).utf8)) == json)
    }

    @Test func whatCannotBeReadIsNoted() throws {
        let scratch = ScratchFolder()
        var failure = failure([LogSource(path: scratch.path + "/none"), LogSource(path: scratch.path)])
        failure.errorFiles = [LogSource(path: try scratch.write("{", to: "error.json"), rank: 1)]
        failure.kernelLog = "/nowhere/kern.log"
        failure.failures = "CUDA out of memory, says the launcher"
        let verdict = diagnostician.diagnose(failure)
        #expect(verdict.notes.count == 5)
        #expect(verdict.cause?.rule == "cuda.out-of-memory")
        #expect(verdict.action.type == "restart_worker")
    }

    @Test func oddFailuresDoNoHarm() {
        for text in ["", "null", "[]", "{}", "3", "\"x\"", "{\"0\": null}", "{\"0\": {\"exitcode\": \"x\"}}", "\u{0}"] {
            var failure = failure([])
            failure.failures = text
            #expect(diagnostician.diagnose(failure).action.type == "restart_worker", "\(text)")
        }
    }

    /// A sparse file of 10 GB: zeros are one endless line.
    @Test func aHugeLogTakesNoLongerThanTheBudget() throws {
        let scratch = ScratchFolder()
        let path = try scratch.write("", to: "huge.log")
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.truncate(atOffset: 10 << 30)
        try file.seekToEnd()
        try file.write(contentsOf: Data("\nCUDA out of memory\n".utf8))
        try file.close()
        var failure = failure([LogSource(path: path, rank: 2)])
        failure.budget = .milliseconds(300)
        let clock = ContinuousClock()
        var verdict: FailureVerdict?
        let time = clock.measure { verdict = diagnostician.diagnose(failure) }
        #expect(time < .seconds(2))
        #expect(verdict?.cause?.rule == "cuda.out-of-memory")
        #expect(verdict?.cause?.offset == (10 << 30) + 1)
        #expect(verdict?.notes.count == 1)
    }

    @Test func aLongLogIsReadInTurnWithAShortOne() throws {
        let scratch = ScratchFolder()
        let filler = String(repeating: "2026-11-24 00:00:00 INFO step\n", count: 200_000)
        let first = try scratch.write("2026-11-24 00:00:00 ncclRemoteError: first\n" + filler, to: "a.log")
        let second = try scratch.write("ValueError: b\n", to: "b.log")
        let verdict = diagnostician.diagnose(
            failure([LogSource(path: first, rank: 0), LogSource(path: second, rank: 1)]))
        #expect(verdict.cause?.rank == 1)
        #expect(verdict.cascades == ["nccl.peer-gone": 1])
        #expect(verdict.notes == [])
    }

    @Test(arguments: [
        (0, 3, [:], "restart_worker"), (2, 3, [:], "restart_worker"), (3, 3, [:], "relaunch_worker"),
        (0, 0, [:], "relaunch_worker"), (0, 3, ["cuda.illegal-access": 1], "relaunch_worker"),
        (0, 3, ["nvidia.xid.79": 5], "restart_worker"),
    ]) func restartsRunOutAndRepetitionCounts(
        count: Int, most: Int, earlier: [String: Int], action: String
    ) throws {
        let scratch = ScratchFolder()
        let path = try scratch.write("CUDA error: an illegal memory access was encountered\n", to: "l.log")
        var failure = failure([LogSource(path: path)])
        failure.restartCount = count
        failure.maxRestarts = most
        for (rule, count) in earlier {
            failure.history += (0..<count).map { EarlierFailure(time: 0, rule: rule, signature: "\($0)") }
        }
        #expect(diagnostician.diagnose(failure).action.type == action)
    }

    @Test func aRuleMayTakeSeveralLinesWithinATime() throws {
        let rule = """
            rules: [{id: flood, title: t, any: [needle], domain: gpu, role: root-cause, action: relaunch_worker,
              count: 3, within: 10s}]
            """
        let diagnostician = FailureDiagnostician(try RuleTable(yaml: rule, name: "t"))
        let scratch = ScratchFolder()
        func cause(_ seconds: [Int]) throws -> String? {
            let lines = seconds.map { "2026-11-24 00:00:\($0 < 10 ? "0" : "")\($0) needle\n" }
            let path = try scratch.write(lines.joined(), to: "l.log")
            return diagnostician.diagnose(failure([LogSource(path: path)])).cause?.rule
        }
        #expect(try cause([1, 20]) == nil)
        #expect(try cause([1, 20, 40]) == nil)
        #expect(try cause([1, 20, 25, 29, 50]) == "flood")
    }
}
