import Diagnosis
import Foundation
import Hang
import Synchronization
import TestSupport
import Testing

@testable import Collectors

/// Against `Tests/EndToEnd/harness/nccl_ras.py`, a stand-in that writes what NCCL's source writes: RAS runs only where a GPU is.
@Suite(.timeLimit(.minutes(2))) struct RASClientTests {
    private let folder = ScratchFolder()

    private func server(_ mode: String, _ state: String = "{}") throws -> (PythonProcess, RASAddress) {
        try folder.write(state, to: "state.json")
        let harness = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../EndToEnd/harness/nccl_ras.py")
        let process = try PythonProcess(
            String(contentsOf: harness, encoding: .utf8), arguments: [mode, folder.file("state.json")])
        return (process, RASAddress(host: "127.0.0.1", port: try #require(process.words.first.flatMap { Int($0) })))
    }

    private static let behind = #"{"size": 4, "counts": {"AllReduce": [64, 64, 60, 64]}}"#
    private static let lost =
        #"{"size": 4, "counts": {"AllReduce": [5, 5, 5, 5]}, "missing": [{"rank": 3, "dead": true}]}"#

    @Test(arguments: ["2.24", "2.28.7", "2.30"])
    func everyVersionIsUnderstood(mode: String) async throws {
        let (process, address) = try server(mode, Self.behind)
        let answer = try await RASClient(address: address).status()
        #expect(answer.isJSON == (mode != "2.24"))
        let status = try #require(RASStatus(answer: answer.content))
        let counts = status.communicators.first?.counts[mode == "2.24" ? "collective" : "AllReduce"]
        #expect(counts?.map(\.launched) == [64, 60])
        #expect(counts?.last?.ranks == RankSet([2]))
        try folder.write(Self.lost, to: "state.json")
        let later = try #require(RASStatus(answer: try await RASClient(address: address).status().content))
        #expect(later.communicators.first?.missing == [RASMissingRank(rank: 3, state: .dead)])
        #expect(later.dead.map(\.pid) == [483075])
        _ = process
    }

    @Test func whatIsNotRASIsLeftAlone() async throws {
        let (process, address) = try server("garbage")
        await #expect { try await RASClient(address: address).status() } throws: {
            "\($0)".contains("what listens there is not RAS")
        }
        _ = process
    }

    @Test func anEndlessAnswerIsCutOff() async throws {
        let (process, address) = try server("endless")
        var client = RASClient(address: address)
        client.mostBytes = 1 << 20
        await #expect { try await client.status() } throws: { "\($0)".contains("longer than 1048576 bytes") }
        _ = process
    }

    @Test func anEarlyEndIsSaid() async throws {
        let (process, address) = try server("early")
        await #expect { try await RASClient(address: address).status() } throws: {
            "\($0)".contains("closed the connection without an answer")
        }
        _ = process
    }

    @Test(arguments: ["silent", "slow"])
    func silenceEndsWithTheDeadline(mode: String) async throws {
        let (process, address) = try server(mode)
        await #expect {
            try await RASClient(address: address).status(until: .now + .milliseconds(300))
        } throws: { "\($0)".contains("did not answer in time") }
        _ = process
    }

    @Test func cancellingEndsTheWait() async throws {
        let (process, address) = try server("silent")
        let asking = Task { try await RASClient(address: address).status() }
        asking.cancel()
        await #expect { try await asking.value } throws: { "\($0)".contains("it was given up") }
        _ = process
    }

    @Test func nobodyListensIsSaid() async throws {
        let address = RASAddress(host: "127.0.0.1", port: try await MisbehavingServer.closedPort())
        await #expect { try await RASClient(address: address).status() } throws: {
            "\($0)".contains("Connection refused")
        }
    }

    @Test func addressesAreReadAsNCCLWritesThem() {
        #expect(RASAddress("localhost:28028") == RASAddress(host: "localhost", port: 28028))
        #expect(RASAddress("node7") == RASAddress(host: "node7", port: 28028))
        #expect(RASAddress("[::1]:9") == RASAddress(host: "::1", port: 9))
        #expect(RASAddress("::1") == RASAddress(host: "::1", port: 28028))
        #expect(RASAddress("0.0.0.0:77") == RASAddress(host: "localhost", port: 77))
        #expect("\(RASAddress(host: "::1", port: 9))" == "[::1]:9")
        for text in ["x:0", "x:70000", "a b:1", "[::1", "http://x", "x:y"] {
            #expect(RASAddress(text) == nil, "\(text)")
        }
    }

    /// Ranks of others on this machine may be found as well.
    @Test func ranksSayWhereTheirRASIs() throws {
        let program = "import time; print('ready'); time.sleep(600)"
        let ranks = try [("1", "127.0.0.1:29001"), ("1", "[::1]:29002"), ("0", "127.0.0.1:29003")].map {
            try PythonProcess(
                program,
                environment: ["RANK": "7003\($1.last ?? "0")", "NCCL_RAS_ENABLE": $0, "NCCL_RAS_ADDR": $1])
        }
        let found = RASTarget.ranks.addresses()
        #expect(found.contains(RASAddress(host: "127.0.0.1", port: 29001)))
        #expect(found.contains(RASAddress(host: "::1", port: 29002)))
        #expect(!found.contains(RASAddress(host: "127.0.0.1", port: 29003)))
        _ = ranks
    }

    // MARK: evidence and the collector

    @Test func evidenceIsTheAnswerMended() async throws {
        let (process, address) = try server("2.28.7", Self.lost)
        let pieces = await pieces(of: RASEvidence(target: .addresses([address])))
        let piece = try #require(pieces.first)
        #expect(pieces.count == 1 && piece.kind == .ras && piece.missing == nil)
        #expect((try? JSONSerialization.jsonObject(with: Data(piece.content))) != nil)
        _ = process
    }

    @Test func evidenceThatIsNotThereSaysWhy() async throws {
        let port = try await MisbehavingServer.closedPort()
        let closed = await pieces(of: RASEvidence(target: .addresses([RASAddress(host: "127.0.0.1", port: port)])))
        #expect(closed.map { $0.missing?.contains("Connection refused") } == [true])
        let off = await pieces(of: RASEvidence(target: nil))
        #expect(off.map { $0.missing?.contains("ras.address") } == [true])
    }

    private func pieces(of source: RASEvidence) async -> [EvidencePiece] {
        let taken = Taken()
        await source.collect(until: .now + .seconds(15)) { taken.add($0) }
        return taken.pieces
    }

    @Test func ranksThatStayBehindAreToldOfOnceAndThenThatItIsOver() async throws {
        let (process, address) = try server("2.30", Self.behind)
        var configuration = RASCollector.Configuration(target: .addresses([address]))
        configuration.interval = .zero
        configuration.confirmation = .zero
        let observer = SeenSigns()
        let client = RecordingClient()
        let capture = MetricsCapture()
        let collector = RASCollector(
            node: NodeIdentity(id: 1), configuration: configuration, observer: observer, logger: LogCapture().logger,
            factory: capture.registry)
        await collector.setClient(client)
        try await eventually {
            _ = await collector.collectRounds(1)
            return !client.metrics.isEmpty
        }
        for _ in 0..<3 { _ = await collector.collectRounds(1) }
        #expect(observer.signs.map(\.rank) == [2] && observer.signs.map(\.trigger) == [.ras])
        #expect(client.metrics.map(\.dataType) == [.generic])
        let text = try #require(client.contents.first)
        #expect(text.hasPrefix("arobust ras: NCCL communicator 27a079b828ff1a75 of 4 ranks: rank 2 is behind"))
        #expect(Set(capture.values("arobust_ras_looks_total", by: "result").keys) == ["answered"])
        try folder.write(#"{"counts": {"AllReduce": [70, 70, 70, 70]}}"#, to: "state.json")
        try await eventually {
            _ = await collector.collectRounds(1)
            return client.metrics.count == 2
        }
        #expect(client.contents.last?.hasPrefix("arobust ras over: NCCL's RAS at 127.0.0.1:") == true)
        #expect(capture.values("arobust_ras_findings", by: "x") == [:])
        _ = process
    }

    @Test func nodesAskAtTimesOfTheirOwn() {
        let phases = (0..<64).map {
            RASCollector.phase(of: NodeIdentity(id: $0, type: "worker", rank: $0), .seconds(30))
        }
        #expect(phases.allSatisfy { (.zero..<Duration.seconds(30)).contains($0) })
        #expect(Set(phases.map { Int($0 / .seconds(5)) }) == Set(0..<6))
    }
}

/// Keeps what it is told.
final class SeenSigns: HangObserver {
    private let kept = Mutex<[HangSuspicion]>([])

    var signs: [HangSuspicion] { kept.withLock { $0 } }

    func suspect(_ suspicion: HangSuspicion) { kept.withLock { $0.append(suspicion) } }
}
