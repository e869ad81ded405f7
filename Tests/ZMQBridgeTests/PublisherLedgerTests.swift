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
        var account = account(1, 12)
        account.lanes[0].origin = LanePosition(epoch: 1, sequence: 0)
        account.lanes[0].delivered = 12
        #expect((ledger.recordAccount(account, epoch: 3, now: 0) == nil) == isTaken)
        #expect(ledger.unknown(in: account.lanes[0]) == 2)
        #expect(ledger.recordAccount(self.account(1, 2_000_000), epoch: 3, now: 0) != nil)
        // What one consumer says is nobody else's, and cannot be raised step by step.
        #expect(ledger.count("GENERIC", after: nil, through: LanePosition(epoch: 9, sequence: 0)) == 15)
        #expect(ledger.recordAccount(self.account(1, 1_000_010), epoch: 3, now: 0) == nil || !isTaken)
        #expect(ledger.recordAccount(self.account(1, 1_000_011), epoch: 3, now: 0) != nil)
        account.lanes[0].delivered = 9
        #expect(ledger.recordAccount(account, epoch: 3, now: 0) != nil)
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
        account.lanes[0].delivered = 2_000_000
        #expect(ledger.recordAccount(account, epoch: 3, now: 0) != nil)
        #expect(ledger.recordAccount(self.account(1, 1), epoch: 3, now: 0) == nil)
        #expect(ledger.count("GENERIC", after: nil, through: LanePosition(epoch: 9, sequence: 0)) == 5)
        // A lane that only the lost run had is taken, and left out.
        account = self.account(1, 5)
        account.lanes[0].dataType = DiagnosisDataType(rawValue: "GONE")
        #expect(ledger.recordAccount(account, epoch: 3, now: 0) == nil)
        #expect(ledger.consumers["c"]?.account.lanes == [] && ledger.lanes.count == 1)
    }

    /// The disk was full when run 3 began, so the ledger does not even know of it; run 2 ended in order.
    @Test(arguments: [(nil, 3), (UInt64(3), nil), (3, 3), (nil, nil)] as [(UInt64?, UInt64?)])
    func aRunThatCouldNotBeSavedIsUncertain(last: UInt64?, volatileRun: UInt64?) {
        var ledger = PublisherLedger()
        ledger.begin(2, after: RunEnd(boot: "a"))
        ledger.extend(lane: "GENERIC", to: LanePosition(epoch: 2, sequence: 5))
        ledger.endRun()
        ledger.begin(4, after: RunEnd(boot: "a", volatileRun: volatileRun, lastRun: last))
        let isTaken = last != nil || volatileRun != nil
        #expect((ledger.recordAccount(account(3, 7), epoch: 4, now: 0) == nil) == isTaken)
        #expect(ledger.recordAccount(account(2, 6), epoch: 4, now: 0) != nil)
    }

    /// Of the many runs with an uncertain end only the newest are listed; a consumer that has met all of them is not refused for it.
    @Test func anUncertainRunNeverBecomesCertain() {
        var ledger = PublisherLedger()
        for epoch: UInt64 in 1...100 {
            ledger.begin(epoch, after: RunEnd(boot: "\(epoch)"))
            ledger.extend(lane: "GENERIC", to: LanePosition(epoch: epoch, sequence: 1))
        }
        var account = account(100, 1)
        account.lanes[0].origin = LanePosition(epoch: 1, sequence: 0)
        account.lanes[0].delivered = 200
        #expect(ledger.recordAccount(account, epoch: 100, now: 0) == nil)
        #expect(ledger.recordAccount(self.account(2, 9), epoch: 100, now: 0) == nil)
        #expect(ledger.recordAccount(self.account(100, 2), epoch: 100, now: 0) != nil)
    }

    @Test func ofRunsBeforeALostLedgerNothingCanBeSaid() {
        var ledger = PublisherLedger(isFirstRun: false)
        ledger.begin(5, after: RunEnd(boot: "a"))
        ledger.extend(lane: "GENERIC", to: LanePosition(epoch: 5, sequence: 5))
        #expect(ledger.recordAccount(account(4, 1_000), epoch: 5, now: 0) == nil)
        #expect(ledger.recordAccount(account(5, 6), epoch: 5, now: 0) != nil)
        #expect(ledger.count("GENERIC", after: nil, through: LanePosition(epoch: 9, sequence: 0)) == 5)
        // What it says of them is its own. What is recorded must be in the counts.
        var account = account(5, 2)
        account.lanes[0].origin = LanePosition(epoch: 2, sequence: 7)
        account.lanes[0].delivered = 1
        #expect(ledger.recordAccount(account, epoch: 5, now: 0)?.contains("fewer than the 2 envelopes") == true)
        account.lanes[0].delivered = 1_000
        #expect(ledger.recordAccount(account, epoch: 5, now: 0) == nil)
        #expect(ledger.unknown(in: account.lanes[0]) == 998)
        account.lanes[0].delivered = 1 << 63
        #expect(ledger.recordAccount(account, epoch: 5, now: 0)?.contains("more than can be") == true)
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
        Case("more than can be") { $0.lanes[0].skipped = ["a": .max, "b": .max] },
        Case("are 11, fewer than the 12") { $0.lanes[0].delivered = 11 },
        Case("are 0, fewer than the 12") { $0.lanes[0].delivered = 0 },
        Case(nil) { ($0.lanes[0].delivered, $0.lanes[0].lost, $0.lanes[0].skipped) = (6, ["a": 1, "b": 2], ["a": 3]) },
        Case("are 12, fewer than the 14") { $0.lanes[0].ahead = 2 },
        Case(nil) { ($0.lanes[0].delivered, $0.lanes[0].ahead) = (15, 3) },
        Case("need an origin") { $0.lanes[0].origin = nil },
        Case("need an origin") { ($0.lanes[0].origin, $0.lanes[0].delivered) = (nil, 0) },
        Case("need an origin") {
            ($0.lanes[0].origin, $0.lanes[0].delivered, $0.lanes[0].lost) = (nil, nil, ["a": .max, "b": .max])
        },
        Case(nil) { ($0.lanes[0].origin, $0.lanes[0].delivered) = (nil, nil) },
        Case(nil) { $0.lanes[0].delivered = nil },
        Case("'changed' of GENERIC says 13") { $0.lanes[0].changed = ["cut": 12, "split": 13] },
        Case("'changed'") { ($0.lanes[0].delivered, $0.lanes[0].changed) = (nil, ["cut": 1]) },
        Case(nil) { $0.lanes[0].changed = ["cut": 12, "split": 12] },
        Case("'ahead' of GENERIC is 4, but only 3 follow") { $0.lanes[0].ahead = 4 },
        Case("before the origin") { $0.lanes[0].origin = LanePosition(epoch: 3, sequence: 3) },
        Case("published nothing") { $0.lanes[0].origin = LanePosition(epoch: 2, sequence: 3) },
        Case("stands twice") { $0.lanes.append($0.lanes[0]) },
        Case("data_type must be") { $0.lanes[0].dataType = DiagnosisDataType(rawValue: "A/B\u{1B}") },
        Case("published nothing") { $0.lanes[0].dataType = DiagnosisDataType(rawValue: "NEW") },
        Case("published nothing") {
            $0.lanes = [
                .init(dataType: DiagnosisDataType(rawValue: "NEW"), through: LanePosition(epoch: 3, sequence: 0))
            ]
        },
        Case("published nothing") {
            $0.lanes = [
                .init(dataType: DiagnosisDataType(rawValue: "NEW"), through: LanePosition(epoch: 0, sequence: 0))
            ]
        },
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

    /// A version that checked less has saved an account.
    @Test func whatAnEarlierVersionTookIsTakenOut() throws {
        var ledger = ledger()
        var account = account(3, 2)
        account.lanes[0].delivered = .max
        account.lanes.append(.init(dataType: DiagnosisDataType(rawValue: "NEVER"), through: account.lanes[0].through))
        ledger.consumers.set(.init(account: account, heard: 7))
        ledger.dropFalseAccounts()
        let kept = try #require(ledger.consumers["c"])
        #expect(kept.account == self.account(3, 2) && kept.heard == 7)
        // What is right stays as it is.
        let before = ledger
        ledger.dropFalseAccounts()
        #expect(ledger == before)
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
