import Collectors
import Diagnosis
@testable import FailureDiagnosis
import Logging
import Telemetry
import TestSupport
import Testing

/// A log that has our own log in it: what is found must not be found again.
@Suite(.timeLimit(.minutes(1))) struct OwnLogTests {
    private struct Client: MasterClient {
        func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws {}
        func lastPosition(of key: String) async -> SourcePosition? { nil }
    }

    private let folder = ScratchFolder()
    private let registry = TelemetryRegistry()

    private var counted: Double {
        registry.text().split(separator: "\n").compactMap { PrometheusSample($0) }
            .filter { $0.name == "arobust_log_findings_total" }.map(\.value).reduce(0, +)
    }

    /// One that tells root causes at once.
    private func watch(_ rules: RuleTable, _ logger: Logger) -> LogWatch {
        LogWatch(
            rules: rules, settle: .seconds(30), logger: logger, factory: registry, wallClock: { 1000 }, clock: { .now },
            after: { _, body in body() })
    }

    @Test(arguments: ["arobust", "arobust.log-watch", "trainer", ""])
    func aLogThatIsFollowedAndWrittenTo(label: String) async throws {
        let path = try folder.write(
            "step 1\nRuntimeError: CUDA out of memory\nOSError: [Errno 28] No space left on device\n", to: "train.log")
        let logger = Logger(label: label) { OwnLogHandler(path: path, label: $0) }
        // With a new watch for each line nothing is kept back.
        func round() async -> Int {
            let watch = watch(.builtIn, logger)
            let collector = LogCollector(
                path: path, node: NodeIdentity(id: 0, type: "worker", rank: 0),
                logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }, observer: watch)
            await collector.setClient(Client())
            return await collector.collectRounds(100)
        }
        #expect(await round() == 2)
        let first = try folder.text(path)
        #expect(first.split(separator: "\n").count == 5)
        #expect(first.contains("arobust alarm: a followed log contains a root cause."))
        #expect(first.contains("text=RuntimeError: CUDA out of memory title="))
        #expect(counted == 2)
        // The file now begins with the two, so two more are told: none for the lines that we wrote.
        _ = await round()
        #expect(try folder.text(path).split(separator: "\n").count == 7)
        #expect(counted == 4)
    }

    @Test(arguments: Logger.Level.allCases)
    func whatElseWeLog(level: Logger.Level) throws {
        let path = try folder.write("", to: "own")
        for label in ["arobust", "arobust.log-collector"] {
            var logger = Logger(label: label) { OwnLogHandler(path: path, label: $0) }
            logger.logLevel = .trace
            logger.log(
                level: level, "Failed to report log data to master: No space left on device",
                metadata: ["error": "CUDA out of memory"])
        }
        // Rules without any exclusion of their own.
        let rules = try RuleTable(
            yaml: """
                rules:
                  - {id: a.b, title: T, any: [CUDA out of memory], domain: host, role: root-cause, action: event}
                """, name: "test")
        let own = try folder.text(path)
        #expect(own.contains(" \(level) arobust: error=CUDA out of memory ["))
        watch(rules, Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }).observe(own, of: path)
        #expect(counted == 0)
    }
}
