/// Bounds an amount a second. More may be spent than there is: then nothing may be spent until the debt is paid.
package struct TokenBucket: Sendable {
    private let perSecond: Double
    private let capacity: Double
    private var tokens: Double
    private var filled: ContinuousClock.Instant?

    /// Begins full.
    ///
    /// - Parameters:
    ///   - perSecond: bytes or anything else; at least 1.
    ///   - burst: the most that it holds is what comes in this time.
    package init(perSecond: Int, burst: Duration = .seconds(1)) {
        self.perSecond = Double(max(1, perSecond))
        capacity = self.perSecond * (burst / .seconds(1))
        tokens = capacity
    }

    /// Begins full, with `burst`, and gets one more in each `interval`.
    package init(every interval: Duration, burst: Int) {
        perSecond = .seconds(1) / interval
        capacity = Double(burst)
        tokens = capacity
    }

    /// When something may be spent: now, or the moment when the debt is paid.
    package func readyTime(now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let tokens = tokens(now: now)
        return tokens > 0 ? now : now + .seconds((1 - tokens) / perSecond)
    }

    /// How much may be spent now without a debt.
    package func available(now: ContinuousClock.Instant) -> Int {
        max(0, Int(tokens(now: now)))
    }

    package mutating func spend(_ amount: Int, now: ContinuousClock.Instant) {
        tokens = tokens(now: now) - Double(amount)
        filled = now
    }

    private func tokens(now: ContinuousClock.Instant) -> Double {
        guard let filled else { return tokens }
        return min(capacity, tokens + (now - filled) / .seconds(1) * perSecond)
    }
}
