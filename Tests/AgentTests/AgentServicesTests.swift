import Logging
import ServiceLifecycle
import TestSupport
import Testing

@testable import Agent

@Suite(.timeLimit(.minutes(2))) struct AgentServicesTests {
    private let scratch = ScratchFolder()
    private let log = LogCapture()

    private func services(_ environment: [String: String] = [:]) throws -> AgentServices {
        let all = ["HOME": scratch.path, "AROBUST_STATE_DIR": scratch.file("state")]
            .merging(environment) { $1 }
        return AgentServices(
            settings: try AgentSettings(file: nil, environment: all, flags: []), logger: log.logger)
    }

    private func names(_ services: [any Service]) -> [String] {
        services.map { ($0 as? CancelledService)?.name ?? "\(type(of: $0))" }
    }

    @Test func withoutSettingsNothingIsCollectedAndNobodyIsReportedTo() async throws {
        let services = try await services().agentServices()
        #expect(
            names(services) == [
                "telemetry", "PublisherService", "BridgeAgent", "ingest", "incidents", "rank-watch", "CollectorHost",
            ])
        #expect(log.messages.contains { $0.hasPrefix("No master is set: ") })
        #expect(log.messages.contains { $0.hasPrefix("No collector is set: ") })
    }

    /// In reverse it is the order of the end: collectors, listener, ingest, bridge, publisher, self-metrics.
    @Test func whatIsSetComesAfterWhatItPublishesThrough() async throws {
        let services = try await services([
            "AROBUST_LOGS_FILES": scratch.file("a.log") + "," + scratch.file("b.log"),
            "AROBUST_METRICS_XPU_TIMER_PORT": "1", "AROBUST_LISTEN": "dlrover+grpc://127.0.0.1:0",
        ]).collectServices()
        #expect(
            names(services) == [
                "telemetry", "PublisherService", "ingest", "ListenerHost", "incidents", "rank-watch", "CollectorHost",
            ])
        let host = try #require(services.last as? CollectorHost)
        #expect(await host.names == ["logs", "progress", "metrics http://127.0.0.1:1/metrics"])
    }

    @Test func aBridgeIsOneService() throws {
        #expect(try names(services().bridgeServices()) == ["BridgeAgent"])
    }

    @Test func anAgentBringsALogToAFileAndItsLastLineAtTheStop() async throws {
        try scratch.write("one\ntwo\n", to: "train.log")
        let agent = try await services([
            "AROBUST_LOGS_FILES": scratch.file("train.log"), "AROBUST_LOGS_INTERVAL": "10m",
            "AROBUST_MASTERS": "file://" + scratch.file("out.ndjson"),
        ]).agentServices()
        let group = ServiceGroup(services: agent, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup { tasks in
            tasks.addTask {
                await #expect(throws: Never.self) { try await group.run() }
            }
            try await eventually { scratch.lines("out.ndjson").contains { $0.contains(#"one\ntwo"#) } }
            try scratch.append("three\n", to: "train.log")
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        let lines = scratch.lines("out.ndjson")
        #expect(lines.count == 2)
        #expect(lines.last?.contains("three") == true)
        #expect(
            log.lines.contains { $0.hasPrefix("info Reporting to the master has ended.") && $0.contains("pending=0") })
    }
}
