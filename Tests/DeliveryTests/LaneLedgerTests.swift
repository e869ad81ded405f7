import Diagnosis
import Testing

@testable import Delivery

@Suite struct LaneLedgerTests {
    private func ledger(cursor: UInt64 = 0) -> LaneLedger {
        LaneLedger(origin: .at(cursor))
    }

    private func receive(_ ledger: inout LaneLedger, _ batch: EnvelopeBatch) -> [[String]] {
        ledger.receive(batch, time: 5).map(\.contents)
    }

    @Test func theCursorPassesWhatIsFinishedWithoutAHole() {
        var ledger = ledger()
        let batches = [
            EnvelopeBatch.test(["a", "b"]), .test(["c"], first: 3, rank: 1), .test(["d", "e"], first: 4),
        ]
        for batch in batches { _ = receive(&ledger, batch) }
        ledger.finish(batches[2], first: 1, as: .delivered, time: 5)
        #expect(ledger.window.cursor == .at(0))
        #expect(ledger.window.ahead == [SequenceRange(epoch: 1, first: 4, last: 4)])
        ledger.finish(batches[1], first: 1, as: .delivered, time: 5)
        #expect(ledger.window.ahead == [SequenceRange(epoch: 1, first: 3, last: 4)])
        ledger.finish(batches[0], first: 2, as: .delivered, time: 5)
        #expect(ledger.window.cursor == .at(4))
        #expect(ledger.window.ahead.isEmpty)
        #expect(ledger.counts.delivered == 4)
    }

    @Test func theCursorGoesFromOneEpochToTheNextAndOverGaps() {
        var ledger = ledger()
        let old = EnvelopeBatch.test(["a"])
        let new = EnvelopeBatch.test(["b"], first: 3, epoch: 9)
        _ = receive(&ledger, old)
        ledger.receive(.test(after: .at(1), through: .at(2, epoch: 9), count: 7), time: 5)
        _ = receive(&ledger, new)
        ledger.finish(new, first: 1, as: .delivered, time: 5)
        #expect(ledger.window.cursor == .at(0) && ledger.counts.lost.isEmpty)
        ledger.finish(old, first: 1, as: .delivered, time: 5)
        #expect(ledger.window.cursor == .at(3, epoch: 9))
        #expect(ledger.counts.lost == ["evicted": 7])
        #expect(
            ledger.commit.newRanges == [
                LedgerRange(first: .at(2), last: .at(2, epoch: 9), count: 7, fate: .lost("evicted"), time: 5)
            ])
        #expect(ledger.takeLosses() == ["evicted": 7])
        #expect(ledger.takeLosses().isEmpty)
    }

    @Test func whatWasFinishedBeyondTheCursorIsNotDeliveredAgain() {
        let stored = StoredLane(
            origin: .at(0), cursor: .at(1),
            ahead: [SequenceRange(epoch: 1, first: 3, last: 4), SequenceRange(epoch: 1, first: 6, last: 6)])
        var ledger = LaneLedger(stored: stored)
        #expect(receive(&ledger, .test(["b", "c", "d", "e", "f", "g"], first: 2)) == [["b"], ["e"], ["g"]])
        for (sequence, content) in [(2, "b"), (5, "e"), (7, "g")] as [(UInt64, String)] {
            ledger.finish(.test([content], first: sequence), first: 1, as: .delivered, time: 5)
        }
        #expect(ledger.window.cursor == .at(7))
        #expect(ledger.window.ahead.isEmpty)
        #expect(ledger.counts.delivered == 3)
    }

    @Test func aGapOverWhatIsFinishedCountsOnlyTheRest() {
        let stored = StoredLane(
            origin: .at(0), cursor: .at(1), ahead: [SequenceRange(epoch: 1, first: 3, last: 6)])
        var ledger = LaneLedger(stored: stored)
        ledger.receive(.test(after: .at(1), through: .at(4), count: 3), time: 5)
        #expect(ledger.counts.lost == ["evicted": 1])
        #expect(ledger.window.cursor == .at(4))
        #expect(receive(&ledger, .test(["e", "f", "g"], first: 5)) == [["g"]])
        #expect(ledger.window.cursor == .at(6))
    }

    /// The publisher's system went down and lost what this consumer had finished ahead of its cursor: nobody will state a gap for it.
    @Test func whatWasFinishedInARunWhoseEndIsLostDoesNotHoldTheCursor() {
        var counts = LaneCounts()
        counts.delivered = 12
        let stored = StoredLane(
            origin: .at(0), cursor: .at(10), ahead: [SequenceRange(epoch: 1, first: 12, last: 13)], counts: counts)
        var ledger = LaneLedger(stored: stored)
        let new = EnvelopeBatch.test(["a", "b"], epoch: 9)
        #expect(receive(&ledger, new) == [["a", "b"]])
        ledger.finish(new, first: 2, as: .delivered, time: 5)
        #expect(ledger.window.cursor == .at(2, epoch: 9) && ledger.window.ahead.isEmpty)
        #expect(ledger.counts.total == 14)
    }

    @Test func repetitionsArePassedOverAndHolesAreLost() {
        var ledger = ledger(cursor: 5)
        #expect(receive(&ledger, .test(["d", "e", "f"], first: 4)) == [["f"]])
        #expect(receive(&ledger, .test(["e", "f"], first: 5)).isEmpty)
        #expect(receive(&ledger, .test(["i"], first: 9)) == [["i"]])
        ledger.finish(.test(["f"], first: 6), first: 1, as: .delivered, time: 5)
        #expect(ledger.counts.lost == ["unexplained": 2])
        #expect(ledger.window.cursor == .at(8))
    }

    @Test func onlyWhatIsNewIsLeftForTheNextCommit() {
        var ledger = ledger()
        let batch = EnvelopeBatch.test(["a", "b"])
        _ = receive(&ledger, batch)
        ledger.finish(batch, first: 1, as: .skipped("refused"), time: 5)
        let commit = ledger.commit
        ledger.finish(batch.dropFirst(1), first: 1, as: .stale, time: 5)
        ledger.committed(commit)
        #expect(ledger.stored?.cursor == .at(1))
        #expect(ledger.commit.newRanges.map(\.fate) == [.stale])
        #expect(ledger.storedVersion < ledger.version)
        ledger.committed(ledger.commit)
        #expect(ledger.storedVersion == ledger.version)
    }
}
