import Glibc
import Hang
import TestSupport
import Testing

@testable import Collectors

/// Against a process that stands in for a rank with PyTorch's worker server.
@Suite(.serialized, .timeLimit(.minutes(2))) struct TorchWorkerServerTests {
    let log = LogCapture()

    private func pieces(
        _ pid: Int32, servers: [String] = [], within limit: Duration = .seconds(20)
    ) async throws -> [EvidencePiece] {
        let patterns = try servers.map { try #require(WorkerServerPattern($0)) }
        let source = WorkerServerEvidence(ranks: LocalRanks(.pids([pid])), servers: patterns)
        let taken = Taken()
        await source.collect(until: .now.advanced(by: limit)) { taken.add($0) }
        return taken.pieces
    }

    @Test(arguments: [false, true])
    func takesTheRecorderFirstAndThenTheCounters(named: Bool) async throws {
        let rank = try WorkerServerStandIn("well", name: named ? "any.sock" : "worker_0.sock", named: named)
        let pieces = try await pieces(rank.pid)
        try #require(pieces.map(\.kind) == [.flightRecorder, .waitCounters])
        #expect(pieces.map(\.rank) == [3, 3])
        #expect(pieces.map(\.missing) == [nil, nil])
        #expect(pieces[0].source == "worker server \(rank.place), fr_trace_json")
        #expect(String(decoding: pieces[0].content, as: UTF8.self).hasPrefix("{\"version\": \"2.10\""))
        #expect(String(decoding: pieces[1].content, as: UTF8.self).hasPrefix("{\"pytorch.wait_counter.x\""))
        #expect(rank.requests == ["/handler/fr_trace_json", "/handler/wait_counter_values"])
    }

    @Test func asksAtAPort() async throws {
        let port = try await MisbehavingServer.closedPort()
        let rank = try WorkerServerStandIn("well", name: "\(port)")
        defer { unlink("/tmp/worker-server-\(port).requests") }
        let pieces = try await pieces(rank.pid, servers: ["127.0.0.1:\(port)+{local_rank}"])
        #expect(pieces.map(\.missing) == [nil, nil])
        // Another process's port is not asked, whatever a setting says.
        let other = try PythonProcess("import time; print('ready'); time.sleep(600)", environment: ["LOCAL_RANK": "0"])
        let others = try await self.pieces(other.pid, servers: ["127.0.0.1:\(port)+{local_rank}"])
        #expect(others.map(\.kind) == [.flightRecorder])
        #expect(others.first?.missing?.contains("does not listen where its worker server should be") == true)
    }

    @Test(.enabled(if: getuid() == 0))
    func asksInAnotherFileSystem() async throws {
        let rank = try WorkerServerStandIn("well", ownMounts: true)
        #expect(access(rank.place, F_OK) != 0)
        #expect(try await pieces(rank.pid).map(\.missing) == [nil, nil])
    }

    @Test(arguments: [
        ("hang", "did not answer /handler/fr_trace_json within"),
        ("drip", "did not answer /handler/fr_trace_json within"),
        ("endless", "answered /handler/fr_trace_json with more than 33554432 bytes"),
        ("close", "cannot be asked for /handler/fr_trace_json: stream ended at an unexpected time"),
        ("missing", "answered with status 404: 'Handler dump_nccl_trace_pickle not found': its PyTorch shows no"),
    ])
    func saysWhatIsWrongWithAServer(behaviour: String, reason: String) async throws {
        let rank = try WorkerServerStandIn(behaviour)
        let pieces = try await pieces(rank.pid)
        let piece = try #require(pieces.first)
        #expect(pieces.map(\.kind) == [.flightRecorder, .waitCounters])
        // Who did not answer once is not waited for again.
        let isSilent = ["hang", "drip"].contains(behaviour)
        #expect(rank.requests.contains("/handler/wait_counter_values") == !isSilent)
        #expect(piece.missing?.contains(reason) == true, "\(piece.missing ?? "")")
        #expect(piece.content == [])
        #expect(ProcText.state(of: rank.pid) == "S")
    }

    @Test func doesNotAskAStoppedProcessOrOneThatIsGone() async throws {
        let rank = try WorkerServerStandIn("well")
        kill(rank.pid, SIGSTOP)
        try await eventually { ProcText.state(of: rank.pid) == "T" }
        #expect(try await pieces(rank.pid).first?.missing?.hasPrefix("the process is stopped (T)") == true)
        #expect(try await pieces(999_999_999).first?.missing == "the process is gone")
        #expect(rank.requests == [])
    }

    @Test func listsHandlersAndAnswersPing() async throws {
        let rank = try WorkerServerStandIn("well")
        let server = try await WorkerServerFinder(patterns: []).server(of: RankProcess(reading: rank.pid))
        #expect(
            try await server.handlers(within: .seconds(10))
                == ["dump_traceback", "fr_trace_json", "ping", "wait_counter_values"])
        #expect(await server.ping(within: .seconds(10)))
    }

    // MARK: tracebacks

    private func ladder(_ tracebacks: OpenTracebacks) -> StackLadder {
        var options = StackLadder.Options()
        options.pySpyPath = PythonProcess.pySpy
        options.tracebackDeadline = .milliseconds(500)
        return StackLadder(options, logger: log.logger, tracebacks: tracebacks)
    }

    @Test func theLadderTakesTheTracebackBeforePySpy() async throws {
        let rank = try WorkerServerStandIn("well")
        let outcome = await ladder(OpenTracebacks()).stacks(
            of: RankProcess(reading: rank.pid), until: .now + .seconds(20))
        #expect(outcome.stacks.source == "worker server")
        #expect(outcome.stacks.refusals == [])
        let main = try #require(outcome.stacks.mainThread)
        #expect(main.frames.map(\.function) == ["step", "main", "<module>"])
        #expect(main.osID == Int(rank.pid))
        #expect(main.systemCall == "clock_nanosleep" || main.systemCall == nil)
        #expect(rank.requests == ["/handler/dump_traceback"])
    }

    @Test func asksAProcessNoSecondTimeWhileATracebackIsOpen() async throws {
        try #require(PythonProcess.pySpy != nil)
        let rank = try WorkerServerStandIn("stuck")
        let process = RankProcess(reading: rank.pid)
        let tracebacks = OpenTracebacks()
        let ladder = ladder(tracebacks)
        let first = await ladder.stacks(of: process, until: .now + .seconds(20))
        // py-spy is the next rung.
        #expect(first.stacks.source == "py-spy")
        #expect(first.stacks.mainThread?.frames.first?.function == "step")
        #expect(first.stacks.refusals.first?.contains("did not answer dump_traceback within 500ms") == true)
        let second = await ladder.stacks(of: process, until: .now + .seconds(20))
        #expect(second.stacks.source == "py-spy")
        #expect(second.stacks.refusals.first?.contains("an earlier one of the same process has not ended") == true)
        #expect(rank.requests == ["/handler/dump_traceback"])
        #expect(tracebacks.count == 1)
        // The answer is the sign that it has ended.
        try rank.letGo()
        try await eventually { tracebacks.count == 0 }
        let third = await ladder.stacks(of: process, until: .now + .seconds(20))
        #expect(third.stacks.source == "worker server")
        #expect(rank.requests.count == 2)
    }

    @Test func anOpenTracebackEndsWithItsProcess() async throws {
        let tracebacks = OpenTracebacks()
        do {
            let rank = try WorkerServerStandIn("stuck")
            _ = await ladder(tracebacks).stacks(of: RankProcess(reading: rank.pid), until: .now + .seconds(20))
            #expect(tracebacks.count == 1)
        }
        try await eventually { tracebacks.count == 0 }
    }
}
