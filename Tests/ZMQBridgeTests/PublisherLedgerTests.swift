import Diagnosis
import Testing

@testable import ZMQBridge

@Suite struct PublisherLedgerTests {
    private func account(_ epoch: UInt64, _ sequence: UInt64) -> ConsumerAccount {
        let through = LanePosition(epoch: epoch, sequence: sequence)
        return ConsumerAccount(consumer: "c", lanes: [ConsumerAccount.Lane(dataType: .generic, through: through)])
    }

    /// A ledger in epoch 3 of a lane that had 10 envelopes in epoch 1 and 5 in epoch 3.
    private func ledger() -> PublisherLedger {
        var ledger = PublisherLedger()
        ledger.extend(lane: "GENERIC", to: LanePosition(epoch: 1, sequence: 10))
        ledger.extend(lane: "GENERIC", to: LanePosition(epoch: 3, sequence: 5))
        return ledger
    }

    @Test(arguments: [
        // What a consumer has had of a run that was killed before it saved its ledger, there was.
        (1, 12, true, 17), (2, 7, true, 22), (3, 5, true, 15), (1, 0, true, 15),
        // Beyond what can have been.
        (3, 6, false, 15), (4, 1, false, 15), (1, 1_000_000_000, false, 15),
        // Of a run that is not known, nothing can be said, and nothing is learnt.
        (2, 1_000_000_000, true, 15),
    ])
    func aCursorBeyondWhatWasPublishedIsRefused(epoch: UInt64, sequence: UInt64, isTaken: Bool, total: UInt64) {
        var ledger = ledger()
        let refusal = ledger.recordAccount(account(epoch, sequence), epoch: 3, now: 0)
        #expect((refusal == nil) == isTaken, "\(refusal ?? "")")
        #expect(ledger.count("GENERIC", after: nil, through: LanePosition(epoch: 9, sequence: 0)) == total)
    }

    @Test func gapsAreStatedInPiecesOfOneReason() {
        var ledger = ledger()
        ledger.recordVolatile(SequenceRange(epoch: 1, first: 8, last: 9), lane: "GENERIC")
        let lane = Lane(publisher: PublisherID(high: 1, low: 1), dataType: .generic)
        let gaps = ledger.gaps(
            in: lane, after: LanePosition(epoch: 1, sequence: 4), through: LanePosition(epoch: 3, sequence: 2),
            retained: LanePosition(epoch: 1, sequence: 6))
        #expect(gaps.map(\.count) == [3, 2, 1, 2])
        #expect(gaps.map(\.reason) == [.missing, .volatile, .missing, .missing])
        #expect(gaps.first?.after == LanePosition(epoch: 1, sequence: 4))
        #expect(gaps.last?.through == LanePosition(epoch: 3, sequence: 2))
    }
}
