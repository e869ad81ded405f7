import Foundation
@testable import Hang
import Testing

@Suite struct StackGroupsTests {
    private static let waiting = [
        StackFrame(function: "all_reduce", file: "torch/distributed/distributed_c10d.py", line: 4174),
        StackFrame(function: "<module>", file: "train.py", line: 16),
    ]
    private static let loading = [
        StackFrame(function: "read", file: "loader.py", line: 12),
        StackFrame(function: "<module>", file: "train.py", line: 88),
    ]

    @Test func foldsEqualStacksAndTellsStuckFromSlow() {
        var samples: [RankStacks] = []
        for time in 0..<3 {
            for rank in [0, 1, 2, 5, 6, 7] { samples.append(Self.sample(rank, Self.waiting, time: time)) }
            samples.append(Self.sample(3, Self.loading, time: time, gil: true))
            samples.append(Self.sample(4, [StackFrame(function: "step", file: "train.py", line: time + 1)], time: time))
        }
        let groups = StackGroups(samples.shuffled()).groups
        #expect(groups.map { "\($0.ranks)" } == ["3", "4", "0-2/5-7"])
        #expect(groups.map(\.isStuck) == [true, false, true])
        #expect(groups.map(\.isInCollective) == [false, false, true])
        #expect(groups.map(\.ownsGIL) == [true, false, false])
        #expect(groups[2].collapsed == "<module> (train.py:16);all_reduce (torch/distributed/distributed_c10d.py:4174)")
        #expect(Set(groups.map(\.hash)).count == 3)
    }

    @Test func theAnswerComesFromStacksWhereNothingIsRecorded() {
        var reader = EvidenceReader()
        for time in 0..<3 {
            for rank in 0..<3 {
                reader.add(
                    [Self.sample(rank, rank == 1 ? Self.loading : Self.waiting, time: time)],
                    node: rank == 1 ? "3" : "0")
            }
        }
        let answer = HangAnswer(reader.evidence)
        #expect(answer.culprits == RankSet([1]))
        #expect(answer.isHang)
        #expect(
            answer.sentence
                == "rank 1 on node 3 is in no collective, while ranks 0/2 wait in one; rank 1 stands in `read` (loader.py:12)."
        )
    }

    @Test func theSentenceJoinsEverything() throws {
        var reader = EvidenceReader()
        for rank in 0..<3 {
            let bytes = try HangFixtures.bytes("flight-recorder/late/rank_\(rank)")
            reader.add(
                EvidencePiece(kind: .flightRecorder, rank: rank, source: "rank_\(rank)", time: 1, content: bytes))
        }
        reader.add([Self.sample(1, Self.loading, time: 0, gil: true)], node: "3")
        var log = EvidencePiece(kind: .log, rank: 1, source: "/logs/1.log", time: 141, content: Array("x".utf8))
        log.lastLine = 100
        reader.add(log, node: "3")
        #expect(
            HangAnswer(reader.evidence).sentence == """
                rank 1 on node 3 has not entered all_reduce 4 of default_pg (group 0), the other 2 wait in it; rank 1 stands in \
                `read` (loader.py:12), holding the GIL, its last log line is 41 s old.
                """)
    }

    @Test func aStoppedRankIsNamed() {
        var reader = EvidenceReader()
        for (rank, state) in ["S", "T", "S"].enumerated() {
            reader.add([RankStacks(rank: rank, pid: Int32(rank + 10), time: 5, state: state, source: "proc")])
        }
        #expect(HangAnswer(reader.evidence).sentence == "rank 1 is stopped (T).")
    }

    @Test func pySpysTextIsRead() {
        let text = """
            Process 812, rank 3, local rank 1, S (sleeping): python train.py
            Thread 812 (active+gil): "MainThread"
                all_reduce (torch/distributed/distributed_c10d.py:4174)
                <module> (train.py:16)
            Thread 0x7F (idle): "QueueFeederThread"
                wait (threading.py:327)
                <no line>
            """
        let stacks = PySpyText.stacks(in: text, rank: nil)
        #expect(stacks.count == 1)
        #expect((stacks.first?.rank, stacks.first?.pid, stacks.first?.state) == (3, 812, "S"))
        #expect(stacks.first?.mainThread?.frames == Self.waiting)
        #expect(stacks.first?.threads.map(\.ownsGIL) == [true, false])
        #expect(stacks.first?.threads.last?.frames.count == 1)
    }

    @Test func graphsHoldEverythingAndAreWellFormed() throws {
        var odd = Self.loading
        odd[0].function = "<lambda> & \"quoted\" \u{1}"
        let groups = StackGroups([Self.sample(0, Self.waiting, time: 0), Self.sample(1, odd, time: 0)]).groups
        let svg = String(decoding: FlameGraph(groups).svg, as: UTF8.self)
        let body = svg.replacing(/<script>.*<\/script>/.dotMatchesNewlines(), with: "")
        #expect(body.contains("&lt;lambda&gt; &amp; &quot;quoted&quot; \u{FFFD}"))
        #expect(body.count(of: "<g ") == body.count(of: "</g>"))
        #expect(!body.contains("NaN"))
        let speedscope = try #require(
            JSONSerialization.jsonObject(with: Data(SpeedscopeFile(groups).json)) as? [String: Any])
        #expect((speedscope["profiles"] as? [Any])?.count == 2)
    }

    private static func sample(_ rank: Int, _ frames: [StackFrame], time: Int, gil: Bool = false) -> RankStacks {
        var main = ThreadStack(name: "MainThread", osID: rank + 100, frames: frames)
        main.ownsGIL = gil
        return RankStacks(
            rank: rank, pid: Int32(rank + 100), time: Int64(time), state: "S", source: "py-spy",
            threads: [ThreadStack(name: "other", osID: rank + 200, frames: [StackFrame(function: "wait")]), main])
    }
}

extension String {
    fileprivate func count(of part: String) -> Int { components(separatedBy: part).count - 1 }
}
