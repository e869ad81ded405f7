private import Glibc

extension LogClock {
    /// This machine's clock and zone.
    public static var system: LogClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var sinceBoot = timespec()
        // The kernel log's clock stops while the machine sleeps, and so does this one.
        clock_gettime(CLOCK_MONOTONIC, &sinceBoot)
        var seconds = time.tv_sec
        var local = tm()
        localtime_r(&seconds, &local)
        let now = Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        return LogClock(
            now: now, utcOffset: Double(local.tm_gmtoff),
            bootTime: now - Double(sinceBoot.tv_sec) - Double(sinceBoot.tv_nsec) / 1e9)
    }
}
