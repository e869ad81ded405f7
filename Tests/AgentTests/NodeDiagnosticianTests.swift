import Diagnosis
import FailureDiagnosis
import Logging
import TestSupport
import Testing

@testable import Agent

@Suite struct NodeDiagnosticianTests {
    private let scratch = ScratchFolder()

    private func diagnostician(_ state: String? = nil) throws -> NodeDiagnostician {
        let settings = try AgentSettings(
            file: nil, environment: ["HOME": scratch.path, "AROBUST_STATE_DIR": state ?? scratch.path], flags: [])
        return try NodeDiagnostician(settings: settings, logger: Logger(label: "test"))
    }

    private func failure(_ line: String, time: String = "00:00:00", now: Double = 1_795_482_000) throws
        -> TrainingFailure
    {
        let path = try scratch.write("2026-11-24 \(time) step\n\(line)\n", to: "train.log")
        var failure = TrainingFailure()
        failure.logs = [LogSource(path: path)]
        failure.clock = LogClock(now: now)
        return failure
    }

    private let line = "CUDA error: an illegal memory access was encountered"

    /// The rule's relaunch-after is 1: the second failure, not the first one diagnosed again. Also for a process that has just started.
    @Test func aCauseThatComesBackIsRelaunched() async throws {
        let first = try failure(line)
        var actions: [String] = []
        for _ in 0..<3 { actions.append(try await diagnostician().diagnose(first).action.type) }
        actions.append(try await diagnostician().diagnose(failure(line, time: "00:10:00")).action.type)
        #expect(actions == ["restart_worker", "restart_worker", "restart_worker", "relaunch_worker"])
    }

    @Test func anotherCauseOrALongTimeAgoDoesNotCount() async throws {
        _ = try await diagnostician().diagnose(failure(line))
        let other = try await diagnostician().diagnose(failure("CUDA out of memory", time: "00:10:00"))
        #expect(other.action.type == "restart_worker")
        let later = try await diagnostician().diagnose(
            failure(line, time: "00:20:00", now: 1_795_482_000 + 86400 + 1))
        #expect(later.action.type == "restart_worker")
    }

    @Test func withoutAStateDirectoryTheProcessRemembers() async throws {
        let diagnostician = try diagnostician(scratch.path + "/none")
        #expect(await diagnostician.diagnose(try failure(line)).action.type == "restart_worker")
        #expect(await diagnostician.diagnose(try failure(line, time: "00:10:00")).action.type == "relaunch_worker")
        #expect(!scratch.names.contains("none"))
    }

    @Test func aTornOrLongFileDoesNoHarm() async throws {
        let filler = #"{"time":1795482000,"rule":"x","signature":"y"}"# + "\n"
        try scratch.write(String(repeating: filler, count: 1600) + #"{"time":17954820"#, to: "failures.ndjson")
        let diagnostician = try diagnostician()
        #expect(await diagnostician.diagnose(try failure(line)).action.type == "restart_worker")
        #expect(await diagnostician.diagnose(try failure(line, time: "00:10:00")).action.type == "relaunch_worker")
        #expect(try scratch.bytes("failures.ndjson").count < 64 << 10)
    }
}
