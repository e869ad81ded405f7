/// How long to wait after a master has failed: twice as long after each failure, up to a limit, and never the same for all nodes.
///
/// Half of each pause is random ("equal jitter", M. Brooker, "Exponential Backoff And Jitter", 2015), so that thousands of agents
/// don't come back in the same moment.
public struct Backoff: Sendable, Hashable {
    public var min: Duration = .milliseconds(500)
    public var max: Duration = .seconds(30)

    public init() {}

    /// The pause after the `failures`th failure in a row, from 1.
    func delay(failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let doublings = Swift.min(Swift.max(failures - 1, 0), 20)
        let full = Swift.min(max, min * (1 << doublings))
        return full / 2 + (full / 2) * Double.random(in: 0...1, using: &generator)
    }
}
