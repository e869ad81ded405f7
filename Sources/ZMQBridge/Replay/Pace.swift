/// Bounds work to so much a second, with a tenth of a second's worth at once: a token bucket.
struct Pace {
    private let perSecond: Double
    private var balance: Double
    private var last: ContinuousClock.Instant

    init(perSecond: Int, now: ContinuousClock.Instant) {
        self.perSecond = Double(max(1, perSecond))
        balance = self.perSecond / 10
        last = now
    }

    /// How many milliseconds to wait before more may be done.
    mutating func pause(now: ContinuousClock.Instant) -> Int {
        balance = min(perSecond / 10, balance + (now - last) / .seconds(1) * perSecond)
        last = now
        return balance > 0 ? 0 : Int((-balance / perSecond * 1000).rounded(.up)) + 1
    }

    mutating func spend(_ amount: Int) {
        balance -= Double(amount)
    }
}
