import Diagnosis
import Foundation
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
        // What there was.
        (1, 10, nil), (3, 5, nil), (1, 0, nil), (2, 0, nil),
        // Beyond what there was, of a run without envelopes, of one that has not begun.
        (3, 6, "which ended at 3/5"), (1, 11, "which ended at 1/10"), (1, 1_000_000_000, "ended at"),
        (2, 7, "a run that published nothing"), (4, 1, "has not begun"), (.max, .max, "has not begun"),
    ])
    func aCursorBeyondWhatWasPublishedIsRefused(epoch: UInt64, sequence: UInt64, words: String?) {
        var ledger = ledger()
        let before = ledger
        let refusal = ledger.recordAccount(account(epoch, sequence), epoch: 3, now: 0)
        if let words {
            #expect(refusal?.contains(words) == true, "\(refusal ?? "taken")")
            #expect(ledger == before)
        } else {
            #expect(refusal == nil)
            #expect(ledger.count("GENERIC", after: nil, through: LanePosition(epoch: 9, sequence: 0)) == 15)
        }
    }

    /// How run 1 ended, and whether a consumer's word on two more envelopes of it is taken.
    @Test(
        arguments: [
            // In order; killed; killed with all of it in the journal of an earlier boot; with some of it in no journal; with a damaged one.
            (true, "a", nil, false, false), (false, "a", nil, false, false), (false, "b", nil, false, true),
            (false, "a", UInt64(1), false, true), (false, "a", nil, true, true), (false, "", nil, false, true),
            (true, "b", UInt64(1), true, false),
        ] as [(Bool, String, UInt64?, Bool, Bool)])
    func onlyOfARunWithAnUncertainEndMayAConsumerKnowMore(
        isInOrder: Bool, boot: String, volatileRun: UInt64?, isDamaged: Bool, isTaken: Bool
    ) {
        var ledger = PublisherLedger()
        ledger.begin(1, after: RunEnd(boot: "a"))
        ledger.extend(lane: "GENERIC", to: LanePosition(epoch: 1, sequence: 10))
        if isInOrder { ledger.endRun() }
        ledger.begin(3, after: RunEnd(boot: boot, volatileRun: volatileRun, isJournalDamaged: isDamaged))
        ledger.extend(lane: "GENERIC", to: LanePosition(epoch: 3, sequence: 5))
        #expect((ledger.recordAccount(account(1, 12), epoch: 3, now: 0) == nil) == isTaken)
        #expect(
            ledger.count("GENERIC", after: nil, through: LanePosition(epoch: 9, sequence: 0)) == (isTaken ? 17 : 15))
        #expect(ledger.recordAccount(account(1, 20_000), epoch: 3, now: 0) != nil)
    }

    /// A kill came before the ledger was saved, and then the journal was damaged: nothing is known of the run but that it was.
    @Test func anUncertainRunMayHaveHadWhatNobodyElseKnows() {
        var ledger = PublisherLedger()
        ledger.begin(1, after: RunEnd(boot: "a"))
        ledger.begin(3, after: RunEnd(boot: "a", isJournalDamaged: true))
        ledger.extend(lane: "GENERIC", to: LanePosition(epoch: 3, sequence: 5))
        var account = account(3, 5)
        account.lanes[0].origin = LanePosition(epoch: 1, sequence: 0)
        account.lanes[0].delivered = 6
        #expect(ledger.recordAccount(account, epoch: 3, now: 0) == nil)
        account.lanes[0].delivered = 20_000
        #expect(ledger.recordAccount(account, epoch: 3, now: 0) != nil)
        #expect(ledger.recordAccount(self.account(1, 1), epoch: 3, now: 0) == nil)
        #expect(ledger.count("GENERIC", after: nil, through: LanePosition(epoch: 9, sequence: 0)) == 6)
    }

    @Test func ofRunsBeforeALostLedgerNothingCanBeSaid() {
        var ledger = PublisherLedger(isFirstRun: false)
        ledger.begin(5, after: RunEnd(boot: "a"))
        ledger.extend(lane: "GENERIC", to: LanePosition(epoch: 5, sequence: 5))
        #expect(ledger.recordAccount(account(4, 1_000), epoch: 5, now: 0) == nil)
        #expect(ledger.recordAccount(account(5, 6), epoch: 5, now: 0) != nil)
        #expect(ledger.count("GENERIC", after: nil, through: LanePosition(epoch: 9, sequence: 0)) == 5)
    }

    /// An account, and a word of why it is refused; `nil` if it is not.
    struct Case: Sendable {
        var account: ConsumerAccount
        var words: String?

        init(_ words: String?, _ change: (inout ConsumerAccount) -> Void) {
            var lane = ConsumerAccount.Lane(dataType: .generic, through: LanePosition(epoch: 3, sequence: 2))
            lane.origin = LanePosition(epoch: 1, sequence: 0)
            lane.delivered = 12
            account = ConsumerAccount(consumer: "c", lanes: [lane], state: ["breaker": "closed"])
            change(&account)
            self.words = words
        }
    }

    static func words(_ count: Int) -> [String: UInt64] {
        Dictionary(uniqueKeysWithValues: (0..<count).map { ("\($0)", 0) })
    }

    static let cases: [Case] = [
        Case(nil) { _ in },
        Case("more than the 12 envelopes") { $0.lanes[0].delivered = 13 },
        Case("more than the 12 envelopes") { $0.lanes[0].lost = ["evicted": 1] },
        Case("more than the 12 envelopes") { $0.lanes[0].skipped = ["a": .max, "b": .max] },
        Case("'ahead' of GENERIC is 4, but only 3 follow") { $0.lanes[0].ahead = 4 },
        Case("before the origin") { $0.lanes[0].origin = LanePosition(epoch: 3, sequence: 3) },
        Case("published nothing") { $0.lanes[0].origin = LanePosition(epoch: 2, sequence: 3) },
        Case("stands twice") { $0.lanes.append($0.lanes[0]) },
        Case("data_type must be") { $0.lanes[0].dataType = DiagnosisDataType(rawValue: "A/B\u{1B}") },
        Case("published nothing") { $0.lanes[0].dataType = DiagnosisDataType(rawValue: "NEW") },
        Case("64 words") { $0.lanes[0].lost = words(65) },
        Case("64 words") { $0.lanes[0].changed = [String(repeating: "x", count: 65): 0] },
        Case("64 words") { $0.lanes[0].lost = ["\u{1B}[31m": 0] },
        Case("name must be") { $0.consumer = "" },
        Case("name must be") { $0.consumer = String(repeating: "x", count: 257) },
        Case("name must be") { $0.consumer = "a\u{9B}31m" },
        Case("the state may have") { $0.state = ["error": String(repeating: "x", count: 2049)] },
        Case("the state may have") { $0.state = words(33).mapValues { _ in "" } },
    ]

    @Test(arguments: cases)
    func everyFieldOfAnAccountIsChecked(_ one: Case) {
        var ledger = ledger()
        let before = ledger
        let refusal = ledger.recordAccount(one.account, epoch: 3, now: 0)
        #expect(one.words.map { refusal?.contains($0) == true } ?? (refusal == nil), "\(refusal ?? "taken")")
        if refusal != nil { #expect(ledger == before) }
    }

    @Test func aConsumerTooManyIsRefused() {
        var ledger = ledger()
        for number in 0..<3 {
            #expect(
                ledger.recordAccount(ConsumerAccount(consumer: "\(number)"), epoch: 3, now: 0, mostConsumers: 3) == nil)
        }
        let refusal = ledger.recordAccount(ConsumerAccount(consumer: "3"), epoch: 3, now: 0, mostConsumers: 3)
        #expect(refusal?.contains("publisher.consumers") == true)
        #expect(ledger.recordAccount(ConsumerAccount(consumer: "2"), epoch: 3, now: 1, mostConsumers: 3) == nil)
    }

    @Test func accountsTogetherHaveABound() throws {
        func account(_ name: String, bytes: Int) -> ConsumerAccount {
            let state = (0..<bytes / 2000).map { ("k\($0)", String(repeating: "x", count: 2000)) }
            return ConsumerAccount(consumer: name, state: Dictionary(uniqueKeysWithValues: state))
        }
        var ledger = ledger()
        var taken = 0
        while ledger.recordAccount(account("\(taken)", bytes: 60_000), epoch: 3, now: 0) == nil { taken += 1 }
        #expect(60...70 ~= taken)
        let refusal = ledger.recordAccount(account("new", bytes: 60_000), epoch: 3, now: 0)
        #expect(refusal?.contains("more than 4 MiB; 'arobust forget NAME'") == true)
        #expect(ledger.recordAccount(account("0", bytes: 60_000), epoch: 3, now: 1) == nil)
        #expect(ledger.recordAccount(account("1", bytes: 2_000), epoch: 3, now: 1) == nil)
        #expect(ledger.recordAccount(account("new", bytes: 50_000), epoch: 3, now: 1) == nil)
        let isForgotten = ledger.forget("0")
        #expect(isForgotten)
        // What was read from a file counts as well.
        let file = try JSONEncoder().encode(ledger)
        #expect(file.count <= AccountTotal.limit + 1000)
        var reread = try JSONDecoder().decode(PublisherLedger.self, from: file)
        #expect(reread == ledger)
        #expect(reread.recordAccount(account("newer", bytes: 60_000), epoch: 3, now: 1) == nil)
        #expect(reread.recordAccount(account("newest", bytes: 60_000), epoch: 3, now: 1) != nil)
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
