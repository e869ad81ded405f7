/// Holds back one data type that the master keeps refusing, so that not all of it ends as dead letters.
///
/// When the pause is over, a single envelope tries: accepted, and all go again; refused, and the pause doubles.
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
