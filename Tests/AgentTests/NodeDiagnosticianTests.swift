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

    /// A log of steps that ends with an error.
    private func run(_ attempt: Int, steps: Int, _ error: String, job: String = "j") throws -> TrainingFailure {
        let lines = (0..<steps).map { "2026-11-24 0\(attempt):00:0\($0 % 10) INFO step \($0) loss 0.5" }
        let path = try scratch.write(
            (lines + ["Traceback (most recent call last):", "  File \"t.py\", line 1, in f", error]).joined(
                separator: "\n") + "\n",
            to: "attempt\(attempt).log")
        var failure = TrainingFailure()
        failure.logs = [LogSource(path: path)]
        failure.restartCount = attempt
        failure.job = job
        failure.maxRestarts = 10
        failure.clock = LogClock(now: 1_795_482_000 + Double(attempt) * 600)
        return failure
    }

    private func actions(_ failures: [TrainingFailure]) async throws -> [String] {
        var actions: [String] = []
        // Each is asked about twice, and counts once.
        for failure in failures {
            _ = try await diagnostician().diagnose(failure)
            actions.append(try await diagnostician().diagnose(failure).action.type)
        }
        return actions
    }

    @Test func theSameRootThreeTimesWithoutProgressEndsTheJob() async throws {
        let error = "RuntimeError: shape mismatch"
        let found = try await actions((0..<4).map { try run($0, steps: 20, error) })
        #expect(found == ["restart_worker", "restart_worker", "relaunch_worker", "job_abortion"])
        let last = try await diagnostician().diagnose(run(5, steps: 20, error))
        #expect(last.reason.contains("without progress (step 19)"))
    }

    @Test func whatNamesAPlaceInTheDataEndsItAtOnce() async throws {
        let error = "ValueError: batch 7 of shard 3 has no labels"
        #expect(try await actions((0..<2).map { try run($0, steps: 20, error) }) == ["restart_worker", "job_abortion"])
    }

    @Test func anotherPlaceProgressOrAnotherJobDoesNot() async throws {
        let places = try (0..<5).map { try run($0, steps: 20, "ValueError: batch \($0) of shard 3 has no labels") }
        #expect(try await actions(places) == Array(repeating: "restart_worker", count: 5))
        let farther = try (0..<5).map {
            try run($0, steps: 20 + $0 * 5, "torch.OutOfMemoryError: CUDA out of memory. Tried", job: "b")
        }
        #expect(try await actions(farther) == Array(repeating: "restart_worker", count: 5))
        let jobs = try (0..<5).map {
            try run($0, steps: 20, "torch.OutOfMemoryError: CUDA out of memory. Tried", job: "c\($0)")
        }
        #expect(try await actions(jobs) == Array(repeating: "restart_worker", count: 5))
    }

    @Test func aTrainingThatNeverMakesAStepIsGivenUpToo() async throws {
        let found = try await actions((0..<4).map { try run($0, steps: 0, "RuntimeError: shape mismatch") })
        #expect(found.last == "job_abortion")
    }

    @Test func aNodeThatWasTheRootTwiceIsReplaced() async throws {
        let first = try run(0, steps: 20, "RuntimeError: CUDA error: unspecified launch failure")
        let second = try run(1, steps: 40, "RuntimeError: CUDA error: misaligned address")
        #expect(try await actions([first, second]) == ["restart_worker", "relaunch_worker"])
    }
}
