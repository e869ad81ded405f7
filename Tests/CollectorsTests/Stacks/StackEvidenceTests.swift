import Foundation
import Glibc
import Hang
import TestSupport
import Testing

@testable import Collectors

@Suite(.serialized, .timeLimit(.minutes(2))) struct StackEvidenceTests {
    let log = LogCapture()
    let program = "import time\ndef step():\n  print('ready')\n  time.sleep(600)\nstep()"

    private func ladder() throws -> StackLadder {
        var options = StackLadder.Options()
        options.pySpyPath = PythonProcess.pySpy
        try #require(options.pySpyPath != nil, "There is no py-spy: run scripts/bootstrap.")
        return StackLadder(options, logger: log.logger)
    }

    private func pieces(_ source: any EvidenceSource, within limit: Duration = .seconds(30)) async -> [EvidencePiece] {
        let taken = Taken()
        await source.collect(until: .now.advanced(by: limit)) { taken.add($0) }
        return taken.pieces
    }

    private func decoded(_ piece: EvidencePiece) throws -> RankStacks {
        try JSONDecoder().decode(RankStacks.self, from: Data(piece.content))
    }

    @Test func takesSeveralSamplesOfEachRank() async throws {
        let processes = try (0..<5).map { try PythonProcess(program, environment: ["RANK": "\($0)"]) }
        let ranks = LocalRanks(.pids(processes.map(\.pid)))
        let source = try StackEvidence(ranks: ranks, ladder: ladder(), samples: 3)
        let pieces = await pieces(source, within: .seconds(20))
        #expect(pieces.count == 15)
        #expect(pieces.allSatisfy { $0.kind == .stacks && $0.missing == nil })
        for rank in 0..<5 {
            let own = try pieces.filter { $0.rank == rank }.map(decoded)
            #expect(own.count == 3)
            #expect(own.allSatisfy { $0.mainThread?.frames.map(\.function) == ["step", "<module>"] })
            #expect(Set(own.map(\.time)).count == 3)
        }
        #expect(pieces.first?.source.hasPrefix("py-spy of process ") == true)
        #expect(pieces.first?.source.hasSuffix(", sample 1 of 3") == true)
        // Folded, the ranks stand together in one place and don't move.
        let groups = StackGroups(try pieces.map(decoded)).groups
        #expect(groups.map(\.ranks.description) == ["0-4"])
        #expect(groups.map(\.isStuck) == [true])
        for process in processes { #expect(ProcText.state(of: process.pid) == "S") }
    }

    @Test func tellsOfRanksThatHaveEndedSinceTheLastLook() async throws {
        var processes = try (6..<9).map { try PythonProcess(program, environment: ["RANK": "\($0)"]) }
        let pids = processes.map(\.pid)
        let ranks = LocalRanks(.pids(pids))
        #expect(await ranks.look().map(\.rank) == [6, 7, 8])
        processes.remove(at: 0)
        kill(processes[0].pid, SIGSTOP)
        try await eventually { ProcText.state(of: pids[0]) == nil && ProcText.state(of: pids[1]) == "T" }
        let pieces = await pieces(try ProcessEvidence(ranks: ranks, ladder: ladder()))
        let shown = try pieces.map(decoded).sorted { ($0.rank ?? 0) < ($1.rank ?? 0) }
        #expect(pieces.allSatisfy { $0.kind == .process && $0.missing == nil })
        try #require(shown.map(\.rank) == [6, 7, 8])
        #expect(shown.map(\.state) == ["X", "T", "S"])
        #expect(shown[2].threads.first?.systemCall == "clock_nanosleep")
        #expect(shown[2].source == "proc")
        kill(processes[0].pid, SIGCONT)
    }

    @Test func remembersARankUntilAnotherProcessHasIt() async throws {
        // Other processes of this machine may be ranks as well; these numbers are nobody's.
        let number = Int.random(in: 100_000..<900_000)
        let ranks = LocalRanks(.ranks)
        func ours() async -> [Int32] { await ranks.look().filter { $0.rank == number }.map(\.pid) }
        var process: PythonProcess? = try PythonProcess(program, environment: ["RANK": "\(number)", "LOCAL_RANK": "0"])
        let pid = try #require(process?.pid)
        #expect(await ours() == [pid])
        process = nil
        #expect(await ours() == [pid])
        let next = try PythonProcess(program, environment: ["RANK": "\(number)", "LOCAL_RANK": "0"])
        #expect(await ours() == [next.pid])
    }

    @Test func saysThatNoTimeWasLeft() async throws {
        let process = try PythonProcess(program, environment: ["RANK": "1"])
        let ranks = LocalRanks(.pids([process.pid]))
        _ = await ranks.look()
        let pieces = await pieces(try StackEvidence(ranks: ranks, ladder: ladder(), samples: 2), within: .zero)
        #expect(pieces.count == 2)
        #expect(pieces.allSatisfy { $0.missing?.hasPrefix("no time was left") == true })
    }

    @Test func piecesShowNoSecret() async throws {
        let process = try PythonProcess(
            "import threading, time\nthreading.current_thread().name = 'https://u:SEKRET@h/'\nprint('ready')\ntime.sleep(600)",
            arguments: ["--token", "SEKRET"], environment: ["RANK": "1"])
        let ranks = LocalRanks(.pids([process.pid]))
        let pieces = await pieces(try StackEvidence(ranks: ranks, ladder: ladder(), samples: 1))
        let text = String(decoding: pieces.first?.content ?? [], as: UTF8.self)
        #expect(text.contains("[redacted]"))
        #expect(!text.contains("SEKRET"))
    }
}
