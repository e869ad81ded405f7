import Diagnosis
import Foundation
import InMemoryLogging
import Logging
import Synchronization
import Testing

@testable import Agent

@Suite struct DiagnosisAgentTests {
    private let scratch = ScratchDirectory()

    private func agent(
        _ environment: [String: String] = [:], log: String? = nil, logger: Logger = Logger(label: "test")
    ) throws -> DiagnosisAgent {
        let all = ["HOME": scratch.path, "AROBUST_STATE_DIR": scratch.path].merging(environment) { $1 }
        let flags = [SettingFlag(key: "logs.files", name: "--log-file", texts: log.map { [$0] } ?? [])]
        return try DiagnosisAgent(
            settings: try AgentSettings(file: nil, environment: all, flags: flags), logger: logger)
    }

    @Test func theClientReachesCollectorsOfBeforeAndAfter() async throws {
        let agent = try agent()
        let (early, late) = (CountingCollector(), CountingCollector())
        let client = RecordingClient()
        await agent.register(early, every: .milliseconds(5))
        await agent.setClient(client)
        await agent.register(late, every: .milliseconds(5))
        await agent.start()
        await agent.start()
        try await wait { await early.stored > 2 }
        try await wait { await late.stored > 2 }
        let another = RecordingClient()
        await agent.setClient(another)
        try await wait { another.contents.count > 2 }
        await agent.stop()
        let count = another.contents.count
        let stored = await early.stored
        try await Task.sleep(for: .milliseconds(30))
        #expect(another.contents.count == count)
        let storedLater = await early.stored
        #expect(storedLater == stored)
        // And again.
        await agent.start()
        try await wait { another.contents.count > count }
        await agent.stop()
    }

    @Test func aCollectorThatIsRegisteredWhileItRunsStarts() async throws {
        let agent = try agent()
        await agent.setClient(RecordingClient())
        await agent.start()
        let collector = CountingCollector()
        await agent.register(collector, every: .milliseconds(5))
        try await wait { await collector.stored > 0 }
        await agent.stop()
    }

    @Test func theLogIsReportedToItsEndAtTheStop() async throws {
        let log = scratch.path + "/training.log"
        try "one\n".write(toFile: log, atomically: false, encoding: .utf8)
        let agent = try agent(["AROBUST_LOGS_INTERVAL": "10s"], log: log)
        let client = RecordingClient()
        await agent.setClient(client)
        await agent.start()
        try await wait { client.contents == ["one"] }
        let file = try FileHandle(forWritingTo: URL(filePath: log))
        try file.seekToEnd()
        try file.write(contentsOf: Data("two\nthree\n".utf8))
        await agent.stop()
        #expect(client.contents.joined(separator: "\n") == "one\ntwo\nthree")
    }

    @Test func withoutAClientThereIsAWarningAndNothingIsLost() async throws {
        let handler = InMemoryLogHandler()
        let log = scratch.path + "/training.log"
        try "one\n".write(toFile: log, atomically: false, encoding: .utf8)
        let agent = try agent(
            ["AROBUST_LOGS_INTERVAL": "10ms"], log: log, logger: Logger(label: "test", factory: { _ in handler }))
        await agent.start()
        try await wait { handler.entries.contains { "\($0.message)".contains("log data not reported") } }
        #expect(handler.entries.contains { "\($0.message)".hasPrefix("Master client not set: ") })
        let client = RecordingClient()
        await agent.setClient(client)
        try await wait { client.contents == ["one"] }
        await agent.stop()
    }

    @Test func aFailureIsDiagnosedAndReportedWhereThatIsSet() async throws {
        let log = scratch.path + "/training.log"
        try "step 1\n[rank2]: ValueError: no\n".write(toFile: log, atomically: false, encoding: .utf8)
        let reporting = try agent(["AROBUST_DIAGNOSIS_REPORT_FAILURES": "true"], log: log)
        let client = RecordingClient()
        await reporting.setClient(client)
        let verdict = await reporting.diagnoseTrainingFailure(failures: ["error": "rank 2 died"], restartCount: 1)
        #expect(verdict.action.type == "restart_worker")
        #expect(verdict.cause?.rank == 2)
        #expect(verdict.cause?.file == log)
        try await wait { client.failures.count == 1 }
        let failure = try #require(client.failures.first)
        #expect(failure.errorData.hasPrefix(#"{"decisive_line": "[rank2]: ValueError: no", "error": "rank 2 died""#))
        #expect(failure.restartCount == 1)
        let quiet = try agent(log: log)
        await quiet.setClient(client)
        await quiet.diagnoseTrainingFailure(failures: .object([:]), restartCount: 0)
        try await Task.sleep(for: .milliseconds(50))
        #expect(client.failures.count == 1)
    }

    @Test func aBadSettingIsToldWithItsPlace() throws {
        let rules = scratch.path + "/rules.yaml"
        try "rules:\n  - {id: a, colour: red}\n".write(toFile: rules, atomically: false, encoding: .utf8)
        let error = #expect(throws: SettingsError.self) { try agent(["AROBUST_DIAGNOSIS_RULES": rules]) }
        #expect(error?.description.hasPrefix("\(rules):2: ") == true)
        #expect(throws: SettingsError.self) { try agent(["AROBUST_DIAGNOSIS_FAILURE_NODE_ERRORS": "no signs"]) }
        // DLRover ignores its own variable when it is written otherwise.
        _ = try agent(["FAILURE_NODE_ERRORS": "no signs"])
    }

    private func wait(_ condition: () async -> Bool) async throws {
        // Only what never comes is a failure: beside suites that compute, a turn on one of two threads takes seconds.
        let deadline = ContinuousClock.now + .seconds(60)
        while await !condition() {
            try #require(ContinuousClock.now < deadline, "after 60 s it is still not so")
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}

/// Reports its rounds.
actor CountingCollector: DataCollector {
    let name = "counting"
    private(set) var stored = 0
    private var client: (any MasterClient)?

    func isEnabled() -> Bool { true }
    func collectData() -> String? { "round" }
    func setClient(_ client: any MasterClient) { self.client = client }

    func storeData(_ data: String) async -> Bool {
        stored += 1
        let metric = WorkerTrainingMetric(dataType: .generic, dataContent: data, node: NodeIdentity())
        return await (try? client?.reportDiagnosisAgentMetrics(metric)) != nil
    }
}

/// Keeps what it is told.
final class RecordingClient: MasterClient, FailureReporter {
    private let metrics = Mutex<[WorkerTrainingMetric]>([])
    private let failed = Mutex<[NodeFailure]>([])

    var contents: [String] { metrics.withLock { $0.map(\.dataContent) } }
    var failures: [NodeFailure] { failed.withLock { $0 } }

    func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws {
        self.metrics.withLock { $0 += metrics }
    }

    func reportFailures(_ failure: NodeFailure) async throws(ReportError) {
        failed.withLock { $0.append(failure) }
    }
}

/// A folder that is gone with its test.
final class ScratchDirectory: Sendable {
    let path = "/tmp/ara-" + String(UInt64.random(in: .min ... .max), radix: 36)

    init() { try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
