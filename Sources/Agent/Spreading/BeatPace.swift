internal import Diagnosis

/// When a node says again that it is there: at once, then at its own part of each interval, and at random while it is not heard.
///
/// Nodes that start together would otherwise go on together, and come back together to a master that was away.
struct BeatPace: Sendable {
    let interval: Duration
    /// The wait after the first beat.
    private let first: Duration
    private var isFirst = true

    init(interval: Duration, share: NodeShare) {
        self.interval = interval
        first = interval * share.fraction
    }

    /// How long to wait after a beat that was heard, or was not.
    ///
    /// After one that was not: half to one and a half of the interval, so on average as often.
    mutating func pause(
        afterSuccess: Bool, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        defer { isFirst = false }
        guard afterSuccess else { return interval * Double.random(in: 0.5...1.5, using: &generator) }
        return isFirst ? first : interval
    }
}
