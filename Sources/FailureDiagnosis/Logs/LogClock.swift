/// What a log leaves unsaid of its times: the year, the zone, and when the machine started.
public struct LogClock: Hashable, Sendable {
    /// Seconds since 1970. A time without a year is in the last twelve months before.
    public var now: Double
    /// How far the zone of times without one is east of UTC, in seconds.
    public var utcOffset: Double
    /// When the machine started, in seconds since 1970: the zero of the kernel log's times. `nil`: those are not read.
    public var bootTime: Double?

    public init(now: Double, utcOffset: Double = 0, bootTime: Double? = nil) {
        self.now = now
        self.utcOffset = utcOffset
        self.bootTime = bootTime
    }
}
