@testable import Hang
import Testing

/// Against real dumps, with what torchfrtrace 2.15 prints of them once `pg_config` is mended, and against recordings of the same form.
@Suite struct CollectiveAnalysisTests {
    @Test func aRankThatNeverCame() throws {
        let analysis = CollectiveAnalysis(try HangFixtures.summary("late", ranks: 0..<3))
        let finding = try #require(analysis.findings.first)
        #expect(analysis.findings.count == 1)
        #expect((finding.kind, finding.sequence, finding.operation) == (.missing, 4, "all_reduce"))
        #expect((finding.culprits, finding.waiting) == (RankSet([1]), RankSet([0, 2])))
        #expect(finding.callSite == "v.py:16")
        #expect(analysis.notes.isEmpty)
    }

    /// NVRx's analyser prints nothing here.
    @Test func aRankThatCalledSomethingElse() throws {
        let analysis = CollectiveAnalysis(try HangFixtures.summary("mismatch", ranks: 0..<3))
        let finding = try #require(analysis.findings.first)
        #expect((finding.kind, finding.sequence, finding.operation) == (.diverged, 4, "all_reduce"))
        #expect((finding.culprits, finding.waiting) == (RankSet([1]), RankSet([0, 2])))
        #expect(finding.variants.map(\.operation) == ["all_reduce", "broadcast"])
    }

    @Test func whatIsRepairedSaysTheSame() throws {
        for name in ["late", "mismatch"] {
            let (torn, mended) = (
                try HangFixtures.summary(name, ranks: 0..<3), try HangFixtures.summary("\(name)-repaired", ranks: 0..<3)
            )
            let (left, right) = (CollectiveAnalysis(torn).findings, CollectiveAnalysis(mended).findings)
            #expect(left.map(\.culprits) == right.map(\.culprits))
            #expect(left.map(\.kind) == right.map(\.kind))
        }
    }

    @Test func theGroupThatBlocksTheOthersComesFirst() throws {
        let findings = CollectiveAnalysis(try HangFixtures.summary("subgroup", ranks: 0..<4)).findings
        #expect(findings.map(\.group.description) == ["dp_1", "default_pg"])
        #expect(findings[0].culprits == RankSet([3]))
        #expect(findings[0].waiting == RankSet([2]))
        #expect(findings[1].culprits == RankSet([2, 3]))
        #expect(findings[1].blocked == RankSet([2]))
        #expect(findings[1].blockedBy.map(\.description) == ["dp_1"])
    }

    @Test(arguments: [
        ("late", 3, 0, 1), ("late", 3, 1, 1), ("late", 3, 2, 1), ("mismatch", 3, 0, 1), ("mismatch", 3, 2, 1),
    ])
    func oneUnreadableDumpChangesNothing(_ name: String, _ count: Int, _ lost: Int, _ culprit: Int) throws {
        var summary = try HangFixtures.summary(name, ranks: (0..<count).filter { $0 != lost })
        summary.merge(CollectiveSummary(unread: lost))
        #expect(CollectiveAnalysis(summary).findings.first?.culprits == RankSet([culprit]))
    }

    @Test func theRootIsSuspectedEvenWithoutItsDump() throws {
        var summary = try HangFixtures.summary("subgroup", ranks: 0..<3)
        summary.merge(CollectiveSummary(unread: 3))
        let first = try #require(CollectiveAnalysis(summary).findings.first)
        #expect(first.group.description == "dp_1")
        #expect((first.culprits, first.unrecorded, first.waiting) == (RankSet([3]), RankSet([3]), RankSet([2])))
    }

    @Test func whoDivergedAndWentAheadIsNamed() {
        var ranks = [Recording](repeating: Recording(), count: 4)
        for rank in 0..<4 {
            for sequence in 1...3 { ranks[rank].collective(sequence) }
            // A small broadcast is through on its root at once, and so it waits in the next one.
            if rank == 2 { ranks[rank].collective(4, "broadcast") } else { ranks[rank].collective(4, isDone: false) }
        }
        ranks[2].collective(5, isDone: false)
        let findings = CollectiveAnalysis(CollectiveSummary(ranks)).findings
        #expect(findings.first?.kind == .diverged)
        #expect(findings.first?.culprits == RankSet([2]))
        #expect(findings.first?.sequence == 4)
    }

    @Test func anotherShapeIsADivergence() {
        var ranks = [Recording](repeating: Recording(), count: 3)
        for rank in 0..<3 { ranks[rank].collective(1, sizes: rank == 0 ? "[[7]]" : "[[8]]", isDone: false) }
        let finding = CollectiveAnalysis(CollectiveSummary(ranks)).findings.first
        #expect((finding?.kind, finding?.culprits) == (.diverged, RankSet([0])))
    }

    @Test func whatMayDifferIsNone() {
        for operation in ["all_to_all", "ALLTOALL_BASE".lowercased()] {
            var ranks = [Recording](repeating: Recording(), count: 3)
            for rank in 0..<3 { ranks[rank].collective(1, operation, sizes: "[[\(rank)]]", isDone: false) }
            let analysis = CollectiveAnalysis(CollectiveSummary(ranks))
            #expect(analysis.findings.isEmpty, "\(operation)")
            #expect(analysis.underWay.count == 1)
        }
    }

    /// Devices work behind: many operations are entered and few through. The slowest rank's first open one decides.
    @Test func operationsThatWereEnteredAhead() {
        var ranks = [Recording](repeating: Recording(), count: 4)
        for rank in 0..<4 {
            for sequence in 1...20 where rank != 3 || sequence <= 12 {
                ranks[rank].collective(sequence, isDone: sequence <= 12)
            }
        }
        let findings = CollectiveAnalysis(CollectiveSummary(ranks)).findings
        #expect(findings.count == 1)
        #expect((findings.first?.sequence, findings.first?.culprits) == (13, RankSet([3])))
    }

    @Test func aSendWithoutItsReceive() {
        var ranks = [Recording](repeating: Recording(), count: 3)
        ranks[0].transfer("send 0->1", 3)
        ranks[1].transfer("recv 1<-2", 7)
        let findings = CollectiveAnalysis(CollectiveSummary(ranks)).findings
        // Rank 1 has not come because it waits for rank 2 itself.
        #expect(findings.map(\.operation) == ["recv 1<-2", "send 0->1"])
        #expect(findings.map(\.culprits) == [RankSet([2]), RankSet([1])])
        #expect(findings[1].blocked == RankSet([1]))
        ranks[2].transfer("send 2->1", 1)
        #expect(CollectiveAnalysis(CollectiveSummary(ranks)).findings.map(\.operation) == ["send 0->1"])
    }

    @Test func aGroupsOwnNumbersBecomeGlobalOnes() {
        var ranks = [Recording](repeating: Recording(), count: 8)
        for rank in 4..<8 { ranks[rank].config("5", "pp", [4, 5, 6, 7]) }
        ranks[4].transfer("send 0->3", 1, group: (1, "5", "pp"))
        #expect(CollectiveAnalysis(CollectiveSummary(ranks)).findings.first?.culprits == RankSet([7]))
    }

    @Test func allInItIsNobodysFault() {
        var ranks = [Recording](repeating: Recording(), count: 3)
        for rank in 0..<3 { ranks[rank].collective(1, isDone: false) }
        let analysis = CollectiveAnalysis(CollectiveSummary(ranks))
        #expect(analysis.findings.isEmpty)
        #expect(analysis.underWay.first?.waiting == RankSet([0, 1, 2]))
    }

    @Test func aRingThatLostTheOpenOperationStillHasItsNumber() {
        var ranks = [Recording](repeating: Recording(), count: 3)
        for rank in 0..<3 {
            ranks[rank].config("0", "default_pg", [0, 1, 2])
            ranks[rank].collective(1, group: (0, "0", "default_pg"))
            ranks[rank].dump.status[0] = .init(
                lastEnqueued: rank == 1 ? 8 : 9, lastStarted: -1, lastCompleted: 8)
            ranks[rank].dump.entries.removeAll()
            ranks[rank].collective(3, group: (0, "0", "default_pg"))
        }
        // The position is known, the operation is not.
        let finding = CollectiveAnalysis(CollectiveSummary(ranks)).findings.first
        #expect((finding?.sequence, finding?.culprits, finding?.operation) == (9, RankSet([1]), "collective"))
    }

    @Test func groupsEnteredInDifferentOrdersAreADeadlock() {
        var ranks = [Recording](repeating: Recording(), count: 2)
        ranks[0].collective(1, group: (0, "1", "a"), isDone: true)
        ranks[1].collective(1, group: (0, "1", "a"), isDone: true)
        ranks[0].collective(1, group: (1, "2", "b"), isDone: true)
        ranks[1].collective(1, group: (1, "2", "b"), isDone: true)
        ranks[0].collective(2, group: (0, "1", "a"), isDone: false)
        ranks[1].collective(2, group: (1, "2", "b"), isDone: false)
        let analysis = CollectiveAnalysis(CollectiveSummary(ranks))
        #expect(analysis.findings.count == 2)
        #expect(analysis.notes.contains { $0.contains("different orders") })
    }

    /// NCCL's recorder knows what the device has begun.
    @Test func aDeviceThatHasNotComeToItIsNamed() {
        var ranks = [Recording](repeating: Recording(), count: 3)
        for rank in 0..<3 {
            ranks[rank].collective(1)
            ranks[rank].collective(2, isDone: false)
            if rank != 1 { ranks[rank].dump.entries[1].state = "started" }
        }
        let finding = CollectiveAnalysis(CollectiveSummary(ranks)).findings.first
        #expect((finding?.sequence, finding?.culprits, finding?.waiting) == (2, RankSet([1]), RankSet([0, 2])))
        var evidence = HangEvidence()
        evidence.collectives = CollectiveSummary(ranks)
        #expect(
            HangAnswer(evidence).sentence == """
                rank 1 has called all_reduce 2 of default_pg (group 0), but its device has not come to it, while the other 2 wait in it.
                """)
    }
}
