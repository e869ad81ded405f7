private import Glibc
private import Synchronization

/// What the times in a log leave out: the year, the time zone, and when the machine started.
package struct LogClock: Hashable, Sendable {
    /// Seconds since 1970. A time without a year belongs to the twelve months before.
    package var now: Double
    /// The time zone of times without one, in seconds east of UTC; with `isLocal`, the one of now.
    package var utcOffset: Double
    /// Whether times without a zone are this machine's, each with the daylight saving of its day.
    package var isLocal = false
    /// When the machine started, in seconds since 1970: the kernel log's times count from there. `nil`: such times are ignored.
    package var bootTime: Double?

    package init(now: Double, utcOffset: Double = 0, bootTime: Double? = nil) {
        self.now = now
        self.utcOffset = utcOffset
        self.bootTime = bootTime
    }
}

extension LogClock {
    /// This machine's clock and time zone.
    package static var system: LogClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var sinceBoot = timespec()
        // Like the kernel log's clock, this one stops while the machine is suspended.
        clock_gettime(CLOCK_MONOTONIC, &sinceBoot)
        var seconds = time.tv_sec
        var local = tm()
        localtime_r(&seconds, &local)
        let now = Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        var clock = LogClock(
            now: now, utcOffset: Double(local.tm_gmtoff),
            bootTime: now - Double(sinceBoot.tv_sec) - Double(sinceBoot.tv_nsec) / 1e9)
        clock.isLocal = true
        return clock
    }

    /// A time that leaves out the year: the last such day before now.
    func timeOfTheYear(_ month: Int, _ day: Int, _ seconds: Double, offset: Double? = nil) -> Double? {
        var here = time_t(now + utcOffset)
        var today = tm()
        guard gmtime_r(&here, &today) != nil else { return nil }
        // A file of December that is read in January; one of January that is read on a machine whose clock is a little late.
        for year in [Int(today.tm_year) + 1901, Int(today.tm_year) + 1900] {
            if let time = time(year, month, day, seconds, offset: offset), time <= now + LogTime.tolerance {
                return time
            }
        }
        return time(Int(today.tm_year) + 1899, month, day, seconds, offset: offset)
    }

    /// Seconds since 1970.
    ///
    /// - Parameter offset: the zone that the time names, in seconds east of UTC.
    func time(_ year: Int, _ month: Int, _ day: Int, _ seconds: Double, offset: Double?) -> Double? {
        guard (1...12).contains(month), (1...31).contains(day), (1970...9999).contains(year) else { return nil }
        var date = tm()
        (date.tm_year, date.tm_mon, date.tm_mday) = (Int32(year - 1900), Int32(month - 1), Int32(day))
        if let offset { return Double(timegm(&date)) + seconds - offset }
        guard isLocal else { return Double(timegm(&date)) + seconds - utcOffset }
        let whole = Int32(seconds)
        (date.tm_hour, date.tm_min, date.tm_sec, date.tm_isdst) = (whole / 3600, whole / 60 % 60, whole % 60, -1)
        return Double(LocalMinute.seconds(of: &date)) + (seconds - Double(whole))
    }
}

/// Asks the time zone once for the times of a minute, as those of a log's lines mostly are: mktime(3) looks at `/etc/localtime` each time.
private enum LocalMinute {
    private static let last = Mutex<(minute: Int, start: time_t)?>(nil)

    /// Seconds since 1970 of a local time.
    static func seconds(of date: inout tm) -> time_t {
        let second = time_t(date.tm_sec)
        let day = (Int(date.tm_year) * 12 + Int(date.tm_mon)) * 31 + Int(date.tm_mday)
        let minute = (day * 24 + Int(date.tm_hour)) * 60 + Int(date.tm_min)
        if let known = last.withLock({ $0 }), known.minute == minute { return known.start + second }
        let time = mktime(&date)
        if time != -1 { last.withLock { $0 = (minute, time - second) } }
        return time
    }
}
