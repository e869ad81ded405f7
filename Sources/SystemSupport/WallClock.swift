private import Glibc

/// The time of day, as DLRover's master and the bus want it. It can jump; nothing measures durations with it.
public enum WallClock {
    /// Whole seconds since 1970, rounded down. A master takes no fraction and no milliseconds: DLRover stores and compares whole seconds.
    public static func seconds() -> Int64 {
        Int64(nanoseconds() / 1_000_000_000)
    }

    /// Nanoseconds since 1970.
    public static func nanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
