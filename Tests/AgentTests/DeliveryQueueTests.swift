import Diagnosis
import Testing

@testable import Agent

@Suite struct DeliveryQueueTests {
    private let start = ContinuousClock.now
    private let unavailable = ReportOutcome.Failure(
        count: 1, error: ReportError(code: .unavailable, message: "away"))

    private func policy(_ change: (inout DeliveryPolicy) -> Void = { _ in }) -> DeliveryPolicy {
        var policy = DeliveryPolicy()
        policy.batchTime = .seconds(1)
        change(&policy)
        return policy
    }

    /// What `next` says, as text.
    private func next(_ queue: inout DeliveryQueue, after time: Duration) -> String {
        switch queue.next(now: start + time) {
        case .send(_, let batch):
            "send " + batch.entries.map { String(decoding: batch.body(of: $0), as: UTF8.self) }.joined(separator: " ")
        case .wait(nil): "wait"
        case .wait(let until?): "wait until \(until - start)"
        case .finished: "finished"
        }
    }

    @Test func waitsForABatchToFillUp() {
        var queue = DeliveryQueue(policy: policy { $0.batchCount = 3 })
        #expect(next(&queue, after: .zero) == "wait")
        _ = queue.add(.test(["a"]), now: start)
        #expect(next(&queue, after: .zero) == "wait until 1.0 seconds")
        _ = queue.add(.test(["b", "c", "d"], first: 2), now: start)
        #expect(next(&queue, after: .zero) == "send a b c")
        #expect(next(&queue, after: .seconds(9)) == "wait")
    }

    @Test func sendsWhatWaitedAsOneBatchAndOneAtATime() {
        var queue = DeliveryQueue(policy: policy())
        let first = EnvelopeBatch.test(["a"])
        _ = queue.add(first, now: start)
        #expect(next(&queue, after: .seconds(1)) == "send a")
        _ = queue.add(.test(["b"], first: 2), now: start)
        _ = queue.add(.test(["c"], first: 3), now: start)
        #expect(next(&queue, after: .seconds(5)) == "wait")
        _ = queue.complete(queue.key(of: first), first, ReportOutcome(accepted: 1), now: start)
        #expect(next(&queue, after: .seconds(5)) == "send b c")
    }

    @Test func lanesAndNodesGoSideBySide() {
        var queue = DeliveryQueue(policy: policy())
        _ = queue.add(.test(["a"], rank: 0), now: start)
        _ = queue.add(.test(["b"], rank: 1), now: start)
        _ = queue.add(.test(["c"], type: .stackTrace), now: start)
        let sent = Set((0..<3).map { _ in next(&queue, after: .seconds(1)) })
        #expect(sent == ["send a", "send b", "send c"])
    }

    @Test func keepsAWholeLaneInOrderWhereTheMasterNeedsThat() {
        var queue = DeliveryQueue(policy: policy(), needsLanesInOrder: true)
        let first = EnvelopeBatch.test(["a"], rank: 1)
        _ = queue.add(first, now: start)
        _ = queue.add(.test(["b"], first: 2, rank: 0), now: start)
        #expect(next(&queue, after: .seconds(1)) == "send a")
        #expect(next(&queue, after: .seconds(1)) == "wait")
        _ = queue.complete(queue.key(of: first), first, ReportOutcome(accepted: 1), now: start)
        #expect(next(&queue, after: .seconds(1)) == "send b")
    }

    @Test func neverPutsTwoEpochsIntoOneBatch() {
        var queue = DeliveryQueue(policy: policy())
        _ = queue.add(.test(["a"], epoch: 1), now: start)
        _ = queue.add(.test(["b"], epoch: 2), now: start)
        #expect(next(&queue, after: .seconds(1)) == "send a")
    }

    @Test func triesAgainAfterAPauseFromWhereItFailedWithOneCallForAll() {
        var queue = DeliveryQueue(policy: policy { $0.backoff.min = .seconds(2) })
        let batch = EnvelopeBatch.test(["a", "b", "c"])
        _ = queue.add(batch, now: start)
        _ = queue.add(.test(["x"], rank: 1), now: start + .seconds(5))
        #expect(next(&queue, after: .seconds(1)) == "send a b c")
        _ = queue.complete(queue.key(of: batch), batch, ReportOutcome(accepted: 1, failure: unavailable), now: start)
        #expect(next(&queue, after: .milliseconds(900)).hasPrefix("wait until"))
        let sent = next(&queue, after: .seconds(20))
        #expect(sent == "send b c" || sent == "send x")
        #expect(next(&queue, after: .seconds(20)) == "wait")
    }

    @Test func findsTheBadOneOfAJoinedReport() {
        var queue = DeliveryQueue(policy: policy())
        let refused = ReportError(code: .refused, message: "bad")
        let batch = EnvelopeBatch.test(["a", "bad", "c"])
        let key = queue.key(of: batch)
        _ = queue.add(batch, now: start)
        #expect(next(&queue, after: .seconds(1)) == "send a bad c")
        #expect(
            queue.complete(
                key, batch, ReportOutcome(accepted: 0, failure: .init(count: 3, error: refused)), now: start) == 0)
        #expect(next(&queue, after: .seconds(1)) == "send a")
        _ = queue.complete(key, batch.prefix(1), ReportOutcome(accepted: 1), now: start)
        #expect(next(&queue, after: .seconds(1)) == "send bad")
        #expect(
            queue.complete(
                key, batch.dropFirst(1).prefix(1),
                ReportOutcome(accepted: 0, failure: .init(count: 1, error: refused)), now: start) == 1)
        #expect(next(&queue, after: .seconds(1)) == "send c")
        _ = queue.complete(key, batch.dropFirst(2), ReportOutcome(accepted: 1), now: start)
        #expect(queue.counts[batch.lane] == LaneCounts(delivered: 2, refused: 1, lost: 0, pending: 0))
    }

    @Test func givesUpTheOldestOfTheFullestWhenTooMuchWaits() {
        var queue = DeliveryQueue(policy: policy { $0.queueBytes = 10 })
        #expect(queue.add(.test(["aaaa"]), now: start) == 0)
        #expect(queue.add(.test(["bbbb"], first: 2), now: start) == 0)
        #expect(queue.add(.test(["cc"], type: .stackTrace), now: start) == 0)
        #expect(queue.add(.test(["dd"], type: .stackTrace), now: start) == 1)
        let lane = EnvelopeBatch.test([]).lane
        #expect(queue.counts[lane] == LaneCounts(delivered: 0, refused: 0, lost: 1, pending: 1))
        let sent = Set((0..<2).map { _ in next(&queue, after: .seconds(1)) })
        #expect(sent == ["send bbbb", "send cc dd"])
    }

    @Test func finishesWhenAllIsDelivered() {
        var queue = DeliveryQueue(policy: policy())
        let batch = EnvelopeBatch.test(["a"])
        _ = queue.add(batch, now: start)
        queue.finish()
        #expect(next(&queue, after: .zero) == "send a")
        #expect(next(&queue, after: .zero) == "wait")
        _ = queue.complete(queue.key(of: batch), batch, ReportOutcome(accepted: 1), now: start)
        #expect(next(&queue, after: .zero) == "finished")
    }

    @Test func triesAtOnceWhenItFinishesWhateverThePause() {
        var queue = DeliveryQueue(policy: policy { $0.backoff.min = .seconds(1000) })
        let batch = EnvelopeBatch.test(["a"])
        _ = queue.add(batch, now: start)
        _ = next(&queue, after: .seconds(1))
        _ = queue.complete(queue.key(of: batch), batch, ReportOutcome(accepted: 0, failure: unavailable), now: start)
        #expect(next(&queue, after: .seconds(2)).hasPrefix("wait until"))
        queue.finish()
        #expect(next(&queue, after: .seconds(2)) == "send a")
        _ = queue.complete(queue.key(of: batch), batch, ReportOutcome(accepted: 0, failure: unavailable), now: start)
        #expect(next(&queue, after: .seconds(2)) == "send a")
    }

    @Test func countsWhatIsLeftWhenClosed() {
        var queue = DeliveryQueue(policy: policy())
        let batch = EnvelopeBatch.test(["a", "b"])
        _ = queue.add(batch, now: start)
        _ = next(&queue, after: .seconds(1))
        _ = queue.add(.test(["c"], first: 3), now: start)
        queue.close()
        _ = queue.complete(queue.key(of: batch), batch, ReportOutcome(accepted: 1, failure: unavailable), now: start)
        #expect(queue.add(.test(["d"], first: 4), now: start) == 0)
        #expect(queue.counts[batch.lane] == LaneCounts(delivered: 1, refused: 0, lost: 3, pending: 0))
        #expect(next(&queue, after: .zero) == "finished")
    }

    @Test func pausesGrowAndVary() {
        var generator = SystemRandomNumberGenerator()
        var backoff = Backoff()
        backoff.min = .seconds(1)
        backoff.max = .seconds(10)
        for (failures, full) in [(1, 1.0), (2, 2), (3, 4), (4, 8), (5, 10), (500, 10)] {
            let delays = (0..<50).map { _ in backoff.delay(failures: failures, using: &generator) / .seconds(1) }
            #expect(delays.allSatisfy { $0 >= full / 2 && $0 <= full })
            #expect(Set(delays).count > 1)
        }
    }
}
