internal import Diagnosis

/// When in each interval a node scrapes a page or takes stacks: so that not all nodes of a job do, and report, at the same moment.
///
/// Rounds begin at the same part of every interval since 1970. So a slot of a master that is as long as the interval
/// (`SampleSlot`) has exactly one. None begins near an interval's ends, where a clock that is set a little would put two into one slot.
struct RoundPhase: Hashable, Sendable {
    /// The longest wait for the first round.
    static let longestFirst: Duration = .seconds(5)

    /// Nanoseconds.
    private let interval: UInt64
    private let offset: UInt64

    init(of share: NodeShare, interval: Duration) {
        self.interval = UInt64(max(1, interval / .nanoseconds(1)))
        // The middle four fifths.
        offset = self.interval / 10 + share.hash % max(1, self.interval / 10 * 8)
    }

    /// How long the first round waits.
    var first: Duration {
        min(Self.longestFirst, .nanoseconds(Int64(clamping: interval))) * (Double(offset) / Double(interval))
    }

    /// How long until the next round begins.
    ///
    /// - Parameter now: nanoseconds since 1970.
    func untilNext(_ now: UInt64) -> Duration {
        let rest = now % interval
        return .nanoseconds(Int64(clamping: rest < offset ? offset - rest : interval - rest + offset))
    }
}
