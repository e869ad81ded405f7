/// Holds calls back from a master that does not answer: after each failure a pause, then one call at a time until one succeeds.
///
/// After `policy.breakerFailures` failures in a row it counts as open: for people, and for nothing else.
struct MasterBreaker {
    private let policy: DeliveryPolicy
    /// Failures in a row.
    private(set) var failures = 0
    /// Until when nothing is sent; `nil` if nothing keeps the next call back.
    private(set) var pausedUntil: ContinuousClock.Instant?
    private var generator = SystemRandomNumberGenerator()

    init(policy: DeliveryPolicy) {
        self.policy = policy
    }

    /// Whether only one call at a time may be under way.
    var probes: Bool { failures > 0 }

    func state(now: ContinuousClock.Instant) -> BreakerState {
        guard failures >= policy.breakerFailures else { return .closed }
        return pausedUntil.map { now < $0 } ?? false ? .open : .halfOpen
    }

    /// Notes a failed call.
    ///
    /// - Parameters:
    ///   - failuresAtStart: `failures` when the call began; calls that failed side by side are one failure.
    ///   - longestPause: a bound beside the policy's.
    mutating func fail(failuresAtStart: Int, longestPause: Duration?, now: ContinuousClock.Instant) {
        guard failuresAtStart >= failures else { return }
        failures += 1
        let pause = policy.backoff.delay(failures: failures, using: &generator)
        pausedUntil = now + min(pause, longestPause ?? pause)
    }

    mutating func succeed() {
        failures = 0
        pausedUntil = nil
    }

    /// Lets the next call through whatever pause was given.
    mutating func skipPause() {
        pausedUntil = nil
    }
}
