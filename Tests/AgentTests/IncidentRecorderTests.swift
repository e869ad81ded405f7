import CoreMetrics
import Diagnosis
import Hang
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Agent

@Suite struct IncidentRecorderTests {
    /// Keeps what is published; a bus at the boundary.
    private final class Publisher: UrgentReporter {
        private let kept = Mutex<[WorkerTrainingMetric]>([])
        let fails = Mutex(false)
        let isSlow = Mutex(false)

        var records: [IncidentRecord] {
            kept.withLock { $0 }.filter { $0.dataType == .incident }.compactMap {
                IncidentRecord(content: $0.dataContent)
            }
        }
        var stacks: [String] { kept.withLock { $0 }.filter { $0.dataType == .stackTrace }.map(\.dataContent) }

        func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws {
            try await reportUrgently(metrics)
        }

        func reportUrgently(_ metrics: [WorkerTrainingMetric]) async throws {
            if isSlow.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
            if fails.withLock({ $0 }) { throw ReportError(code: .storage, message: "the disk is full") }
            kept.withLock { $0 += metrics }
        }
    }

    private struct Source: EvidenceSource {
        let kind: EvidencePiece.Kind
        var bytes = 4
        var gate: (@Sendable () async -> Void)?

        func collect(until deadline: ContinuousClock.Instant, _ take: @Sendable (EvidencePiece) async -> Void) async {
            await gate?()
            let content = [UInt8](repeating: UInt8(ascii: "x"), count: bytes)
            await take(EvidencePiece(kind: kind, source: "s", time: 1, content: content))
        }
    }

    private let publisher = Publisher()

    private func recorder(
        _ sources: IncidentSources, rest: Duration = .seconds(600), size: Int = 1 << 20
    ) -> IncidentRecorder {
        var configuration = IncidentRecorder.Configuration()
        configuration.budget = .seconds(5)
        configuration.rest = rest
        configuration.size = size
        return IncidentRecorder(
            node: NodeIdentity(id: 1, type: "worker", rank: 4), client: publisher,
            setup: IncidentRecorder.Setup(sources: sources, configuration: configuration),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            factory: NOOPMetricsHandler.instance)
    }

    private func sign(_ trigger: HangSuspicion.Trigger) -> HangSuspicion {
        HangSuspicion(trigger, text: "\(trigger)", time: 1_800_000_000)
    }

    private func ends() -> Int { publisher.records.count { $0.end != nil } }

    /// Runs a recorder for as long as the body.
    private func running(_ recorder: IncidentRecorder, _ body: () async throws -> Void) async rethrows {
        let task = Task { await recorder.run() }
        defer { task.cancel() }
        try await body()
    }

    @Test func piecesComeInTheirOrderBetweenTriggersAndTheEnd() async throws {
        var sources = IncidentSources()
        sources.recorders = [.init(Source(kind: .flightRecorder), share: 0.5)]
        sources.rest = [.init(Source(kind: .process), share: 0.7), .init(Source(kind: .kernelLog), share: 1)]
        sources.last = [.init(Source(kind: .waitCounters), share: 1)]
        let recorder = recorder(sources)
        try await running(recorder) {
            recorder.suspect(sign(.rootCause))
            try await eventually { ends() == 1 }
        }
        let records = publisher.records
        #expect(records.map(\.number) == Array(0..<records.count))
        #expect(records.first?.triggers?.map(\.trigger) == [.rootCause])
        #expect(records.compactMap(\.piece?.kind) == [.flightRecorder, .process, .kernelLog, .waitCounters, .summary])
        #expect(records.last?.end?.pieces == 5)
        let id = try #require(records.first?.incident)
        #expect(id.hasPrefix("20270115T080000Z-") && records.allSatisfy { $0.incident == id })
        // Nothing is known of any rank, so that a master has nothing to read.
        #expect(publisher.stacks.isEmpty)
    }

    @Test func signsOfTheNodeRestAfterAnIncidentAndWhoAsksIsServed() async throws {
        let recorder = recorder(IncidentSources())
        try await running(recorder) {
            recorder.suspect(sign(.process))
            try await eventually { ends() == 1 }
            recorder.suspect(sign(.ras))
            #expect(recorder.request("again") == "\(recorder.request("and again"))")
            try await eventually { ends() == 2 }
        }
        let triggers = publisher.records.flatMap { $0.triggers ?? [] }.map(\.trigger)
        #expect(triggers == [.process, .operator_, .operator_])
    }

    @Test func whatComesMeanwhileBelongsToIt() async throws {
        let gate = Mutex(false)
        var sources = IncidentSources()
        sources.rest = [
            .init(
                Source(kind: .process) {
                    while !gate.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(5)) }
                }, share: 1)
        ]
        let recorder = recorder(sources)
        try await running(recorder) {
            recorder.suspect(sign(.process))
            try await eventually { publisher.records.count == 1 }
            recorder.suspect(sign(.noProgress))
            gate.withLock { $0 = true }
            try await eventually { ends() == 1 }
        }
        #expect(publisher.records.last?.triggers?.map(\.trigger) == [.noProgress])
    }

    /// Sources that are asked side by side wait for the disk at the same time.
    @Test func piecesOfSeveralSourcesHaveNumbersOfTheirOwn() async throws {
        var sources = IncidentSources()
        sources.beside = (0..<20).map { _ in .init(Source(kind: .ras), share: 1) }
        sources.rest = [.init(Source(kind: .process), share: 1)]
        publisher.isSlow.withLock { $0 = true }
        let recorder = recorder(sources)
        try await running(recorder) {
            _ = recorder.request("now")
            try await eventually { ends() == 1 }
        }
        #expect(publisher.records.map(\.number).sorted() == Array(0..<24))
    }

    @Test func whatHasNoRoomIsNamed() async throws {
        var sources = IncidentSources()
        sources.rest = [
            .init(Source(kind: .log, bytes: 900), share: 1), .init(Source(kind: .kernelLog, bytes: 900), share: 1),
        ]
        let recorder = recorder(sources, size: 1000)
        try await running(recorder) {
            _ = recorder.request("now")
            try await eventually { ends() == 1 }
        }
        let missing = publisher.records.compactMap(\.piece?.missing)
        #expect(missing == ["its 900 bytes have no room in the bundle; incidents.size allows 1000"])
    }

    @Test func aTrainingThatHasEndedDoesNotHang() async throws {
        var sources = IncidentSources()
        sources.isTrainingThere = { false }
        let recorder = recorder(sources)
        try await running(recorder) {
            recorder.suspect(sign(.noProgress))
            try await Task.sleep(for: .milliseconds(100))
            #expect(publisher.records.isEmpty)
            recorder.suspect(sign(.rootCause))
            try await eventually { ends() == 1 }
        }
    }

    @Test func aDiskThatIsFullEndsNothing() async throws {
        let recorder = recorder(IncidentSources(), rest: .zero)
        publisher.fails.withLock { $0 = true }
        try await running(recorder) {
            recorder.suspect(sign(.process))
            try await Task.sleep(for: .milliseconds(100))
            publisher.fails.withLock { $0 = false }
            try await eventually {
                recorder.suspect(sign(.process))
                return ends() >= 1
            }
        }
    }
}
