internal import Diagnosis

/// When a batch that is not full goes, so that nodes that collect in the same moment don't all report in the same moment.
///
/// The ranks of a training write their lines together, at the end of a step. If every node waited `batchTime` from there, the master would get
/// all reports at once. So each has a grid of moments, half a `batchTime` apart and moved by its share: a batch goes at the first of them that
/// leaves it half of `batchTime` to fill. It never goes later than without the grid, and what comes without a pause still goes once a
/// `batchTime`.
struct FlushPhase: Hashable, Sendable {
    /// Nanoseconds.
    private let step: Int64
    private let origin: ContinuousClock.Instant

    /// - Returns: `nil` where nothing waits, or the node has no share.
    init?(policy: DeliveryPolicy, start: ContinuousClock.Instant) {
        guard let share = policy.share else { return nil }
        let step = Int64(clamping: Int128((policy.batchTime / 2) / .nanoseconds(1)))
        guard step > 0 else { return nil }
        self.step = step
        origin = start + .nanoseconds(step) * share
    }

    /// When a batch goes whose first envelope came at `arrival`.
    func readyTime(arrival: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let earliest = arrival + .nanoseconds(step)
        let since = Int64((earliest - origin) / .nanoseconds(1))
        let rest = since % step
        // Before the origin the rest is negative.
        let beyond = rest < 0 ? rest + step : rest
        return earliest + .nanoseconds(beyond == 0 ? 0 : step - beyond)
    }
}
