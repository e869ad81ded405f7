/// Bounds bytes a second. What is taken may be more than there is: then nothing may be taken until the debt is paid.
struct TokenBucket {
    private let bytesPerSecond: Double
    private var tokens: Double
    private var filled: ContinuousClock.Instant?

    /// Begins with the tokens of one second, which is also the most that it holds.
    init(bytesPerSecond: Int) {
        self.bytesPerSecond = Double(max(1, bytesPerSecond))
        tokens = self.bytesPerSecond
    }

    /// When something may be taken: now, or the moment when the debt is paid.
    func readyTime(now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let tokens = tokens(now: now)
        return tokens > 0 ? now : now + .seconds((1 - tokens) / bytesPerSecond)
    }

    mutating func take(_ bytes: Int, now: ContinuousClock.Instant) {
        tokens = tokens(now: now) - Double(bytes)
        filled = now
    }

    private func tokens(now: ContinuousClock.Instant) -> Double {
        guard let filled else { return tokens }
        return min(bytesPerSecond, tokens + (now - filled) / .seconds(1) * bytesPerSecond)
    }
}
