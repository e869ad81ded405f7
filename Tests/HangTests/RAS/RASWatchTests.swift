import Testing

@testable import Hang

@Suite struct RASWatchTests {
    private let start = ContinuousClock.now

    private func status(
        _ counts: [String: [Int64]], size: Int = 4, missing: [RASMissingRank] = [], isRunning: Bool = true
    ) -> RASStatus {
        var communicator = RASCommunicator(id: "ab", size: size, isRunning: isRunning)
        communicator.counts = counts.mapValues { launched in
            Dictionary(grouping: launched.indices) { launched[$0] }
                .map { RASCount(launched: $0.key, ranks: RankSet($0.value)) }.sorted { $0.launched > $1.launched }
        }
        communicator.missing = missing
        var status = RASStatus()
        status.communicators = [communicator]
        return status
    }

    private func findings(_ looks: [(Int, RASStatus)]) -> [[RASWatch.Finding]] {
        var watch = RASWatch(confirmation: .seconds(60))
        return looks.map { watch.look(at: $0.1, now: start + .seconds($0.0)) }
    }

    @Test func ranksBehindAreToldOfOnceNothingHasMovedForAWhile() throws {
        let stuck = status(["AllReduce": [64, 64, 60, 64], "Broadcast": [2, 2, 2, 2]])
        let findings = findings([(0, stuck), (30, stuck), (59, stuck), (60, stuck), (90, stuck)])
        #expect(findings.map(\.count) == [0, 0, 0, 1, 1])
        let finding = try #require(findings[3].first)
        #expect(finding.kind == .behind && finding.ranks == RankSet([2]) && finding.jobRanks == RankSet([2]))
        #expect(
            finding.text
                == "NCCL communicator ab of 4 ranks: rank 2 is behind and no rank has launched anything for 60 s (AllReduce: ranks 0-1/3 64, rank 2 60)"
        )
        #expect(findings[4].first?.id == finding.id)
    }

    /// The others may be ahead by few: those who are behind are the cause, however many they are.
    @Test func theManyAreTheCauseWhereTheyAreBehind() {
        let stuck = status(["AllReduce": [640, 641, 640, 640]])
        #expect(findings([(0, stuck), (60, stuck)]).last?.first?.ranks == RankSet([0, 2, 3]))
    }

    @Test func anyProgressBeginsAnew() {
        let first = status(["AllReduce": [64, 60], "Reduce": [1, 1]])
        let other = status(["AllReduce": [64, 60], "Reduce": [2, 1]])
        #expect(findings([(0, first), (30, first), (50, other), (80, other), (109, other)]).allSatisfy { $0.isEmpty })
        #expect(findings([(0, first), (50, other), (110, other)]).last?.count == 1)
    }

    @Test func equalCountsAndCommunicatorsThatAreMadeOrClosedSayNothing() {
        let equal = status(["AllReduce": [64, 64]])
        let closing = status(["AllReduce": [64, 60]], isRunning: false)
        for status in [equal, closing] {
            #expect(findings([(0, status), (60, status), (600, status)]).allSatisfy { $0.isEmpty })
        }
    }

    @Test func aRankThatLaunchedAnotherCollectiveHasDiverged() {
        let stuck = status(["AllReduce": [5, 4, 5], "Broadcast": [1, 2, 1]], size: 3)
        let finding = findings([(0, stuck), (60, stuck)]).last?.first
        #expect(finding?.kind == .diverged && finding?.ranks == RankSet([1]))
    }

    @Test func lostRanksAreToldOfWithTheSecondLook() throws {
        let lost = status(["AllReduce": [5, 5, 5]], missing: [RASMissingRank(rank: 3, state: .unresponsive)])
        let dead = status(["AllReduce": [5, 5, 5]], missing: [RASMissingRank(rank: 3, state: .dead)])
        let fine = status(["AllReduce": [5, 5, 5, 5]])
        let findings = findings([(0, lost), (30, dead), (60, fine), (90, lost)])
        #expect(findings.map(\.count) == [0, 1, 0, 0])
        #expect(findings[1].first?.text == "NCCL communicator ab of 4 ranks: rank 3 is dead")
        #expect(findings[1].first?.kind == .lost && findings[1].first?.ranks == RankSet([3]))
    }

    @Test func deadProcessesCountWhereNoCommunicatorIsLeft() {
        var gone = RASStatus()
        gone.dead = [RASProcess(host: "n1", pid: 7, gpu: "3")]
        let findings = findings([(0, gone), (30, gone)])
        #expect(findings.map { $0.map(\.text) } == [[], ["NCCL has given up process 7 on node n1, GPU 3"]])
    }

    @Test func whatWasSeenBeforeASilenceCountsNoMore() {
        let stuck = status(["AllReduce": [64, 60]])
        var watch = RASWatch(confirmation: .seconds(60))
        _ = watch.look(at: stuck, now: start)
        watch.forget()
        #expect(watch.look(at: stuck, now: start + .seconds(100)).isEmpty)
        #expect(watch.look(at: stuck, now: start + .seconds(160)).count == 1)
    }
}
