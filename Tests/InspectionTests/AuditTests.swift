import Diagnosis
@testable import Inspection
import Testing
import ZMQBridge

@Suite struct AuditTests {
    private func audit(_ account: ConsumerAccount.Lane?, _ standing: PublisherStatus.ConsumerLane?) -> Audit {
        var status = Samples.status()
        status.consumers = [Samples.consumer("c", heard: 0, lanes: [(account, standing)])]
        return Audit(status)
    }

    @Test func aBalancedAccountPasses() {
        let account = Samples.account(.generic, delivered: 80, skipped: ["a": 3, "b": 2], lost: ["evicted": 4])
        let audit = audit(account, Samples.standing(.generic, produced: 100, pending: 10, unnoticed: ["corrupt": 1]))
        #expect(audit.isBalanced && audit.hasLosses)
        #expect(audit.isPassed(isStrict: false))
        #expect(!audit.isPassed(isStrict: true))
        #expect(audit.rows.first?.totalLost == 5)
    }

    @Test func withoutLossesItPassesStrictlyToo() {
        let account = Samples.account(.generic, delivered: 90)
        #expect(audit(account, Samples.standing(.generic, produced: 100, pending: 10)).isPassed(isStrict: true))
    }

    @Test(arguments: [(100, 0), (103, 3), (99, -1)] as [(UInt64, Int64)]) func namesTheDifference(
        produced: UInt64, difference: Int64
    ) {
        let account = Samples.account(.generic, delivered: 90)
        let audit = audit(account, Samples.standing(.generic, produced: produced, pending: 10))
        #expect(audit.rows.map(\.difference) == [difference])
        #expect(audit.isPassed(isStrict: false) == (difference == 0))
        let lines = AuditText(audit, isStrict: false).lines
        #expect(lines.contains("c GENERIC: 3 envelopes are unaccounted for") == (difference == 3))
        #expect(
            lines.contains("c GENERIC: 1 envelope more is accounted for than were produced") == (difference == -1))
        #expect(lines.last == (difference == 0 ? "balanced: 1 consumer" : "NOT BALANCED"))
    }

    @Test func whatIsFinishedAheadOfTheCursorIsInTheCounts() {
        // 100 produced, the cursor at 50, 20 more finished ahead of it.
        var account = Samples.account(.generic, delivered: 70)
        account.ahead = 20
        #expect(audit(account, Samples.standing(.generic, produced: 100, pending: 30)).isBalanced)
    }

    @Test func aConsumerWithoutALedgerIsCheckedAsFarAsItGoes() {
        let account = Samples.account(.generic, delivered: nil)
        #expect(audit(account, Samples.standing(.generic, produced: 100, pending: 30)).isBalanced)
        #expect(
            audit(account, Samples.standing(.generic, produced: 100, pending: 99, unnoticed: ["evicted": 1])).isBalanced
        )
        let over = audit(account, Samples.standing(.generic, produced: 100, pending: 100, unnoticed: ["evicted": 2]))
        #expect(over.rows.map(\.difference) == [-2])
        #expect(!over.isBalanced)
    }

    @Test func aLaneWithoutAnAccountIsPendingOnly() {
        #expect(audit(nil, Samples.standing(.generic, produced: 100, pending: 7)).isPassed(isStrict: true))
    }

    @Test func anAccountOfALaneThatNeverWasFails() {
        #expect(audit(Samples.account(.generic, delivered: 0), nil).isBalanced)
        #expect(audit(Samples.account(.generic, delivered: 5), nil).rows.map(\.difference) == [-5])
    }

    @Test func numbersThatCanNotBeAreNoCrash() {
        let account = Samples.account(.generic, delivered: .max, skipped: ["a": .max, "b": .max], lost: ["c": .max])
        let audit = audit(account, Samples.standing(.generic, produced: 1, pending: .max, unnoticed: ["d": .max]))
        #expect(audit.rows.map(\.difference) == [.min])
        #expect(AuditText(audit, isStrict: true).lines.last == "NOT BALANCED")
    }

    @Test func theTextIsATableAndAVerdict() {
        var status = Samples.status()
        status.consumers = [
            Samples.consumer(
                "b", heard: 0,
                lanes: [
                    (
                        Samples.account(.generic, delivered: 7, lost: ["evicted": 2]),
                        Samples.standing(.generic, produced: 12, pending: 0)
                    )
                ]),
            Samples.consumer(
                "a", heard: 0,
                lanes: [
                    (
                        Samples.account(.trainingLog, delivered: nil),
                        Samples.standing(.trainingLog, produced: 1200, pending: 3, unnoticed: ["corrupt": 1])
                    )
                ]),
        ]
        #expect(
            AuditText(Audit(status), isStrict: false).lines == [
                "publisher  01234567-89ab-cdef-0123-456789abcdef  epoch 3  at 2026-11-23T18:00:00Z",
                "CONSUMER  LANE          PRODUCED  DELIVERED  SKIPPED  LOST  UNNOTICED  PENDING  DIFFERENCE",
                "a         TRAINING_LOG      1200          -        0     0          1        3           0",
                "b         GENERIC             12          7        0     2          0        0          +3",
                "a TRAINING_LOG: no longer in the journal, and lost unless the consumer holds them: corrupt 1",
                "b GENERIC: 3 envelopes are unaccounted for",
                "b GENERIC: lost: evicted 2",
                "NOT BALANCED",
            ])
        status.consumers.removeFirst()
        #expect(AuditText(Audit(status), isStrict: false).lines.last == "balanced, with losses: 1 consumer")
        #expect(AuditText(Audit(status), isStrict: true).lines.last == "BALANCED, WITH LOSSES: 1 consumer")
        status.consumers = []
        #expect(AuditText(Audit(status), isStrict: true).lines.last == "No consumer has given an account here.")
        #expect(Audit(status).isPassed(isStrict: true))
    }
}
