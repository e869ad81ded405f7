/// Whether a breaker lets calls through, as accounts and `status` name it.
enum BreakerState: String, Sendable {
    case closed
    /// Nothing is sent until the pause is over.
    case open
    /// One call tests whether it works again.
    case halfOpen = "half-open"
}

/// Holds calls back from a master that does not answer: after each failure a pause, then one call at a time until one succeeds.
///
/// After `policy.breakerFailures` failures in a row it is shown as open; nothing else depends on that.
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
    ///   - wanted: how long the master wants not to be called; at most `longestWanted` of it counts.
    ///   - longestPause: a bound beside the policy's.
    mutating func fail(
        failuresAtStart: Int, wanted: Duration? = nil, longestPause: Duration?, now: ContinuousClock.Instant
    ) {
        let wanted = min(wanted ?? .zero, Self.longestWanted)
        guard failuresAtStart >= failures else {
            // Another call that failed beside it: no further failure, but what it was told counts.
            if let paused = pausedUntil { pausedUntil = max(paused, now + min(wanted, longestPause ?? wanted)) }
            return
        }
        failures += 1
        let pause = max(policy.backoff.delay(failures: failures, using: &generator), wanted)
        pausedUntil = now + min(pause, longestPause ?? pause)
    }

    /// The longest pause that a master can ask for.
    static let longestWanted: Duration = .seconds(600)

    mutating func succeed() {
        failures = 0
        pausedUntil = nil
    }

    /// Lets the next call through, whatever the pause.
    mutating func skipPause() {
        pausedUntil = nil
    }
}

/// Holds back one data type that the master keeps refusing, so that not all of it ends as dead letters.
///
/// When the pause is over a single envelope is tried. If it is accepted all are sent again; if it is refused the pause doubles.
struct TypeBreaker {
    private let policy: DeliveryPolicy
    /// Refused envelopes in a row.
    private var refusals = 0
    /// How long the last pause was; `nil` while closed.
    private var pause: Duration?
    private(set) var heldUntil: ContinuousClock.Instant?

    init(policy: DeliveryPolicy) {
        self.policy = policy
    }

    func state(now: ContinuousClock.Instant) -> BreakerState {
        guard let heldUntil else { return .closed }
        return now < heldUntil ? .open : .halfOpen
    }

    /// Notes an envelope that was refused for good.
    ///
    /// - Parameter isFinal: the next would certainly be refused too.
    /// - Returns: the pause if the type is held from now on.
    mutating func refuse(isFinal: Bool = false, now: ContinuousClock.Instant) -> Duration? {
        refusals += 1
        switch state(now: now) {
        case .open: return nil
        case .closed where refusals < policy.typeBreakerRefusals && !isFinal: return nil
        case .closed: pause = policy.typeBreakerPause
        case .halfOpen: pause = min(policy.typeBreakerLongestPause, (pause ?? policy.typeBreakerPause) * 2)
        }
        heldUntil = pause.map { now + $0 }
        return pause
    }

    /// Notes an envelope that was accepted.
    ///
    /// - Returns: whether the type was held until now.
    mutating func accept() -> Bool {
        refusals = 0
        defer {
            pause = nil
            heldUntil = nil
        }
        return heldUntil != nil
    }
}

/// How long to wait after a master has failed: up to twice as long after each failure, up to a limit, and never the same for all nodes.
///
/// Each pause is random between half of the least and the doubled one ("full jitter" with a lower bound; M. Brooker, "Exponential Backoff And
/// Jitter", 2015), so that thousands of agents don't come back in the same moment. Where half of each pause is fixed instead, their tries come
/// in waves: after ten seconds a quarter of them in one second, here a sixth (docs/scale.md).
package struct Backoff: Sendable, Hashable {
    package var min: Duration = .milliseconds(500)
    package var max: Duration = .seconds(30)

    package init() {}

    /// The pause after the `failures`th failure in a row, from 1.
    func delay(failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let doublings = Swift.min(Swift.max(failures - 1, 0), 20)
        let full = Swift.min(max, min * (1 << doublings))
        return min / 2 + (full - min / 2) * Double.random(in: 0...1, using: &generator)
    }
}
