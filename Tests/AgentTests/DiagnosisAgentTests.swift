import Diagnosis
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Agent

@Suite struct DiagnosisAgentTests {
    private let scratch = ScratchFolder()

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
        try await eventually { await early.stored > 2 }
        try await eventually { await late.stored > 2 }
        let another = RecordingClient()
        await agent.setClient(another)
        try await eventually { another.contents.count > 2 }
        await agent.stop()
        // Stopping waits for the rounds that are under way: after it there is none.
        let count = another.contents.count
        let stored = await [early.stored, late.stored]
        for _ in 0..<1000 { await Task.yield() }
        #expect(another.contents.count == count)
        #expect(await [early.stored, late.stored] == stored)
        // And again.
        await agent.start()
        try await eventually { another.contents.count > count }
        await agent.stop()
    }

    @Test func aCollectorThatIsRegisteredWhileItRunsStarts() async throws {
        let agent = try agent()
        await agent.setClient(RecordingClient())
        await agent.start()
        let collector = CountingCollector()
        await agent.register(collector, every: .milliseconds(5))
        try await eventually { await collector.stored > 0 }
        await agent.stop()
    }

    @Test func theLogIsReportedToItsEndAtTheStop() async throws {
        let log = try scratch.write("one\n", to: "training.log")
        let agent = try agent(["AROBUST_LOGS_INTERVAL": "10s"], log: log)
        let client = RecordingClient()
        await agent.setClient(client)
        await agent.start()
        try await eventually { client.contents == ["one"] }
        try scratch.append("two\nthree\nlast words", to: "training.log")
        await agent.stop()
        #expect(client.contents.joined(separator: "\n") == "one\ntwo\nthree\nlast words")
    }

    @Test func withoutAClientThereIsAWarningAndNothingIsLost() async throws {
        let capture = LogCapture()
        let log = try scratch.write("one\n", to: "training.log")
        let agent = try agent(["AROBUST_LOGS_INTERVAL": "10ms"], log: log, logger: capture.logger)
        await agent.start()
        try await eventually { capture.messages.contains { $0.contains("log data not reported") } }
        #expect(capture.messages.contains { $0.hasPrefix("Master client not set: ") })
        let client = RecordingClient()
        await agent.setClient(client)
        try await eventually { client.contents == ["one"] }
        await agent.stop()
    }

    @Test func aFailureIsDiagnosedAndReportedWhereThatIsSet() async throws {
        let log = try scratch.write("step 1\n[rank2]: ValueError: no\n", to: "training.log")
        let reporting = try agent(["AROBUST_DIAGNOSIS_REPORT_FAILURES": "true"], log: log)
        let client = RecordingClient()
        await reporting.setClient(client)
        let verdict = await reporting.diagnoseTrainingFailure(failures: ["error": "rank 2 died"], restartCount: 1)
        #expect(verdict.action.type == "restart_worker")
        #expect(verdict.cause?.rank == 2)
        #expect(verdict.cause?.file == log)
        try await eventually { client.failures.count == 1 }
        let failure = try #require(client.failures.first)
        #expect(failure.errorData.hasPrefix(#"{"decisive_line": "[rank2]: ValueError: no", "error": "rank 2 died""#))
        #expect(failure.restartCount == 1)
        let quiet = try agent(log: log)
        await quiet.setClient(client)
        await quiet.diagnoseTrainingFailure(failures: .object([:]), restartCount: 0)
        // Waits for reports that are under way.
        await quiet.stop()
        #expect(client.failures.count == 1)
    }

    @Test func aBadSettingIsToldWithItsPlace() throws {
        let rules = try scratch.write("rules:\n  - {id: a, colour: red}\n", to: "rules.yaml")
        let error = #expect(throws: SettingsError.self) { try agent(["AROBUST_DIAGNOSIS_RULES": rules]) }
        #expect(error?.description.hasPrefix("\(rules):2: ") == true)
        #expect(throws: SettingsError.self) { try agent(["AROBUST_DIAGNOSIS_FAILURE_NODE_ERRORS": "no signs"]) }
        // DLRover ignores its own variable when it is written otherwise.
        _ = try agent(["FAILURE_NODE_ERRORS": "no signs"])
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
