import SystemSupport
import Testing

@Suite struct TokenBucketTests {
    @Test func aDebtIsPaidBeforeMoreIsSpent() {
        let start = ContinuousClock.now
        var bucket = TokenBucket(perSecond: 1000)
        #expect(bucket.readyTime(now: start) == start)
        bucket.spend(3000, now: start)
        let ready = bucket.readyTime(now: start)
        #expect(ready - start > .seconds(2) && ready - start < .seconds(2.01))
        #expect(bucket.readyTime(now: ready) == ready)
    }

    @Test func noMoreThanTheBurstIsSaved() {
        let start = ContinuousClock.now
        var bucket = TokenBucket(perSecond: 1000, burst: .milliseconds(100))
        bucket.spend(0, now: start)
        let later = start + .seconds(60)
        bucket.spend(600, now: later)
        let wait = bucket.readyTime(now: later) - later
        #expect(wait > .milliseconds(500) && wait < .milliseconds(502))
    }
}
