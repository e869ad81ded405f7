@testable import Console
@testable import ConsoleStore
import Diagnosis
import Testing

struct SituationTests {
    private static let now = 1_796_000_000.0

    private static func rank(
        _ node: Int, _ rank: Int?, _ state: RankState = .running, step: Double? = now - 1, alarm: String? = nil
    ) -> RankAnswer {
        RankAnswer(
            key: rank.map { "\(node)/\($0)" } ?? "\(node)", nodeRank: node, rank: rank, lastLine: now - 1, lines: 10,
            step: 5,
            stepSeconds: 0.5, lastStep: step, state: state, alarm: alarm)
    }

    private static func situation(_ ranks: [RankAnswer], nodes: Int = 1) -> Situation {
        Situation(
            now: now, ranks: ranks, incidents: [], failures: [],
            freshness: .init(nodes: nodes, heard: nodes, withinSeconds: 5, silent: []), gaps: [], problem: nil)
    }

    private static func failure(_ node: Int, _ rank: Int?, ago: Double) -> FailureAnswer {
        FailureAnswer(
            id: 1, time: now - ago, nodeRank: node, rank: rank, rule: "cuda-oom", title: "CUDA out of memory",
            category: "memory", action: nil, count: 1, evidence: [])
    }

    @Test func allIsWell() {
        let verdicts = Self.situation((0..<8).map { Self.rank(0, $0) }).verdicts
        #expect(verdicts == [.init(level: .ok, text: "All is well: 8 ranks make steps, the last line came 1 s ago")])
        #expect(
            Self.situation([Self.rank(0, nil, .unknown, step: nil)]).verdicts.first?.text.hasPrefix(
                "All is well: 1 rank reports") == true)
        #expect(Self.situation([], nodes: 0).verdicts.first?.level == .nothing)
        #expect(
            Self.situation([Self.rank(0, 0, .finished)]).verdicts.first?.text.hasPrefix("The training has finished")
                == true)
    }

    @Test func anIncidentIsTheFirstThingToSayUntilTheTrainingGoesOn() {
        var situation = Self.situation(
            (0..<4).map { Self.rank($0 / 2, $0, $0 == 3 ? .hang : .silent, step: Self.now - 90) }, nodes: 2)
        situation.incidents = [
            IncidentSummary(
                id: "20261130T014352Z-3f9a", time: Self.now - 60, nodeRank: 1, nodes: [0, 1],
                sentence: "rank 3 on node 1 has not entered all_reduce 6", hang: true, triggers: [], pieces: 4,
                missing: 0,
                ended: true)
        ]
        let first = situation.verdicts.first
        #expect(first?.level == .critical)
        #expect(first?.text == "rank 3 on node 1 has not entered all_reduce 6")
        #expect(first?.link == "#/incidents/20261130T014352Z-3f9a")
        #expect(first?.since == Self.now - 60)
        // The hang is told once.
        #expect(!situation.verdicts.contains { $0.text.contains("hangs") })
        situation.ranks = (0..<4).map { Self.rank($0 / 2, $0) }
        #expect(situation.verdicts.first?.level == .ok)
    }

    @Test func oneRankIsNamedAndManyAreCounted() {
        let slow = Self.situation(
            [Self.rank(0, 0), Self.rank(1, 1, .slow, alarm: "its steps take 3 times as long")], nodes: 2
        ).verdicts
        #expect(slow.map(\.text) == ["Rank 1 on node 1 is slow: its steps take 3 times as long"])
        #expect(slow.first?.link == "#/rank/1/1")
        let silent = [3, 7, 8, 9, 10, 11, 12]
        let many = Self.situation(
            (0..<1000).map { Self.rank($0 / 8, $0, silent.contains($0) ? .silent : .running) }, nodes: 125)
        #expect(many.verdicts.map(\.text) == ["7 of 1,000 ranks make no steps: 3, 7-12"])
        let all = Self.situation((0..<500).map { Self.rank($0 / 8, $0, .silent) }, nodes: 63)
        #expect(all.verdicts.map(\.text) == ["All 500 ranks make no steps"])
        // Local ranks come again on each node: then the nodes say more.
        let local = Self.situation((0..<16).map { Self.rank($0 / 8, $0 % 8, $0 > 9 ? .slow : .running) }, nodes: 2)
        #expect(local.verdicts.map(\.text) == ["6 of 16 ranks are slow on node 1"])
    }

    @Test func failuresOfTheLastMinutesAreToldByRule() {
        var situation = Self.situation(
            (0..<8).map { Self.rank(0, $0, $0 < 2 ? .failed : .running, step: Self.now - 30) })
        situation.failures = [Self.failure(0, 0, ago: 20), Self.failure(0, 1, ago: 25), Self.failure(0, 1, ago: 15)]
        #expect(situation.verdicts.map(\.text) == ["CUDA out of memory on 2 of 8 ranks: 0-1"])
        #expect(situation.verdicts.first?.level == .critical && situation.verdicts.first?.link == "#/failures")
        situation.ranks = (0..<8).map { Self.rank(0, $0) }
        #expect(situation.verdicts.map(\.text) == ["CUDA out of memory on 2 of 8 ranks: 0-1; the training goes on"])
        #expect(situation.verdicts.first?.level == .warning)
        situation.failures = [Self.failure(0, 0, ago: 601)]
        #expect(situation.verdicts.first?.level == .ok)
    }

    @Test func silentNodesGapsAndAFullDiskAreTold() {
        var situation = Self.situation([Self.rank(0, 0)], nodes: 8)
        situation.freshness = .init(
            nodes: 8, heard: 7, withinSeconds: 5, silent: [.init(nodeRank: 3, lastHeard: Self.now - 12)])
        situation.gaps = [
            .init(
                nodeRank: 2, dataType: "TRAINING_LOG", from: LanePosition(epoch: 1, sequence: 5),
                through: LanePosition(epoch: 1, sequence: 1238), count: 1234, time: Self.now - 100)
        ]
        situation.problem = "No space left on device"
        let verdicts = situation.verdicts
        #expect(verdicts.first?.level == .critical && verdicts.first?.text.contains("No space left on device") == true)
        #expect(
            verdicts.dropFirst().map(\.text) == [
                "Node 3 has not been heard for 12 s", "1,234 reports are missing from node 2",
            ])
        situation.problem = nil
        situation.freshness.silent.append(.init(nodeRank: 4, lastHeard: Self.now - 300))
        situation.freshness.heard = 6
        #expect(situation.verdicts.first?.text == "2 of 8 nodes have not been heard, the first for 5 min: 3-4")
        situation.gaps[0].time = Self.now - 4000
        #expect(situation.verdicts.count == 1)
    }

    @Test func amountsAreForPeople() {
        #expect(
            [0, 999, 1000, 1_234_567, -1000].map { Amount.count($0) } == ["0", "999", "1,000", "1,234,567", "-1,000"])
        #expect(
            [-5, 0.4, 119, 120, 7200, 172_800, .nan].map { Amount.duration($0) } == [
                "0 s", "0 s", "119 s", "2 min", "2 h", "2 days", "0 s",
            ])
        #expect(PercentText.encoded("a/b c\u{e4}\"") == "a%2Fb%20c%C3%A4%22")
    }
}
