private import Glibc

/// How a journal keeps what it is given, and how much of it.
public struct JournalConfiguration: Sendable {
    /// What an appended record survives.
    public enum Durability: Sendable, Hashable {
        /// The end of the process in any way. Nothing is synced by `append`; `sync()` may be called in the background.
        case processCrash
        /// The end of the machine too: `append` returns after fdatasync(2), one for each lane in the group.
        case powerLoss
    }

    public var durability: Durability
    /// A lane's segment is followed by a new one before it would grow over this. One group that alone is larger still goes into one.
    public var segmentBytes: Int
    /// What all segments together may take.
    public var totalBytes: Int
    /// How long after being written a record is kept at most, to the precision of a segment; `nil`: as long as there is room.
    public var maximumAge: Duration?
    /// What other lanes can't take from a lane; `nil`, and at most: `totalBytes` divided by the number of lanes.
    public var laneReserveBytes: Int?
    /// How many lanes there may be. Each has one file open.
    public var maximumLanes: Int
    /// Looks at what is there without changing it, also beside a running writer. Nothing can be appended.
    public var isReadOnly: Bool
    /// Seconds since 1970; only ages are measured with it.
    public var now: @Sendable () -> Int64

    public init(
        durability: Durability = .processCrash, segmentBytes: Int = 16 << 20, totalBytes: Int = 2 << 30,
        maximumAge: Duration? = nil, laneReserveBytes: Int? = nil, maximumLanes: Int = 64, isReadOnly: Bool = false,
        now: @escaping @Sendable () -> Int64 = systemSeconds
    ) {
        self.durability = durability
        self.segmentBytes = segmentBytes
        self.totalBytes = totalBytes
        self.maximumAge = maximumAge
        self.laneReserveBytes = laneReserveBytes
        self.maximumLanes = maximumLanes
        self.isReadOnly = isReadOnly
        self.now = now
    }

    /// The time of day.
    @Sendable public static func systemSeconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }
}
