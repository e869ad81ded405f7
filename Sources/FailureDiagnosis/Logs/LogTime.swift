private import Glibc

/// Finds the time at which a log line was written.
///
/// Understands `2026-11-24 00:14:47,123` (also with `T`, `_`, slashes, a fraction, a zone), glog's `E1124 00:14:47.123456` (also `E321`), syslog's
/// `Nov 24 00:14:47`, `dmesg -T`'s `Tue Nov 24 00:14:47 2026`, and the kernel's `[ 1234.567890]`.
struct LogTime {
    /// How far into the line a time is searched for, in bytes.
    static let reach = 72

    let clock: LogClock

    /// Seconds since 1970; `nil` if the line has no time near its start.
    func read(_ line: UnsafeRawBufferPointer) -> Double? {
        let head = UnsafeRawBufferPointer(rebasing: line[..<min(line.count, Self.reach)])
        if let bootTime = clock.bootTime, let seconds = kernelSeconds(head) { return bootTime + seconds }
        for start in head.indices where start == 0 || !TimeReader.isDigit(head[start - 1]) {
            var text = TimeReader(bytes: head, index: start)
            if let time = dateAndTime(&text) { return time }
            text = TimeReader(bytes: head, index: start)
            if let time = glog(&text) { return time }
            text = TimeReader(bytes: head, index: start)
            if let time = syslog(&text) { return time }
        }
        return nil
    }

    func read(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { read(UnsafeRawBufferPointer($0)) }
    }

    private func dateAndTime(_ text: inout TimeReader) -> Double? {
        guard let year = text.number(digits: 4), let separator = text.consume(oneOf: "-/"),
            let month = text.number(digits: 2), text.consume(oneOf: String(separator)) != nil,
            let day = text.number(digits: 2), text.consume(oneOf: " T_") != nil, let seconds = text.timeOfDay()
        else { return nil }
        return time(year, month, day, seconds, offset: text.zone() ?? clock.utcOffset)
    }

    private func glog(_ text: inout TimeReader) -> Double? {
        // PyTorch's own logging writes the months before October with one digit.
        guard text.consume(oneOf: "IWEF") != nil, let date = text.number(), (101...1231).contains(date),
            text.consume(oneOf: " ") != nil, let seconds = text.timeOfDay()
        else { return nil }
        return timeOfTheYear(date / 100, date % 100, seconds)
    }

    private func syslog(_ text: inout TimeReader) -> Double? {
        guard let month = text.month(), text.consume(oneOf: " ") != nil else { return nil }
        _ = text.consume(oneOf: " ")
        guard let day = text.number(digits: 2) ?? text.number(digits: 1), text.consume(oneOf: " ") != nil,
            let seconds = text.timeOfDay()
        else { return nil }
        if text.consume(oneOf: " ") != nil, let year = text.number(digits: 4), year > 1970 {
            return time(year, month, day, seconds, offset: clock.utcOffset)
        }
        return timeOfTheYear(month, day, seconds)
    }

    /// `[ 1234.567890]` at the line's start, after the priority that `dmesg --raw` writes.
    private func kernelSeconds(_ line: UnsafeRawBufferPointer) -> Double? {
        var text = TimeReader(bytes: line, index: 0)
        if text.consume(oneOf: "<") != nil {
            guard text.number() != nil, text.consume(oneOf: ">") != nil else { return nil }
        }
        guard text.consume(oneOf: "[") != nil else { return nil }
        while text.consume(oneOf: " ") != nil {}
        guard let whole = text.number(), text.consume(oneOf: ".") != nil else { return nil }
        let seconds = Double(whole) + text.fraction()
        return text.consume(oneOf: "]") != nil ? seconds : nil
    }

    private func timeOfTheYear(_ month: Int, _ day: Int, _ seconds: Double) -> Double? {
        var now = time_t(clock.now + clock.utcOffset)
        var today = tm()
        guard gmtime_r(&now, &today) != nil else { return nil }
        let year = Int(today.tm_year) + 1900
        guard let time = time(year, month, day, seconds, offset: clock.utcOffset) else { return nil }
        guard time > clock.now + 86400 else { return time }
        return self.time(year - 1, month, day, seconds, offset: clock.utcOffset)
    }

    private func time(_ year: Int, _ month: Int, _ day: Int, _ seconds: Double, offset: Double) -> Double? {
        guard (1...12).contains(month), (1...31).contains(day), (1970...9999).contains(year) else { return nil }
        var date = tm()
        (date.tm_year, date.tm_mon, date.tm_mday) = (Int32(year - 1900), Int32(month - 1), Int32(day))
        return Double(timegm(&date)) + seconds - offset
    }
}

/// Reads the parts of a time, byte by byte.
struct TimeReader {
    let bytes: UnsafeRawBufferPointer
    var index: Int

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        .map { Array($0.utf8) }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// Consumes the next byte if it is one of these.
    mutating func consume(oneOf characters: String) -> Character? {
        guard let byte = peek, characters.utf8.contains(byte) else { return nil }
        index += 1
        return Character(Unicode.Scalar(byte))
    }

    /// Consumes a number of exactly this many digits.
    mutating func number(digits: Int) -> Int? {
        guard index + digits <= bytes.count else { return nil }
        var number = 0
        for byte in bytes[index..<(index + digits)] {
            guard Self.isDigit(byte) else { return nil }
            number = number * 10 + Int(byte - 0x30)
        }
        index += digits
        return number
    }

    /// Consumes a number of up to twelve digits.
    mutating func number() -> Int? {
        let start = index
        var number = 0
        while let byte = peek, Self.isDigit(byte), index - start < 12 {
            number = number * 10 + Int(byte - 0x30)
            index += 1
        }
        return index > start ? number : nil
    }

    /// Consumes the digits after a decimal point.
    mutating func fraction() -> Double {
        var value = 0.0
        var scale = 0.1
        while let byte = peek, Self.isDigit(byte) {
            value += Double(byte - 0x30) * scale
            scale /= 10
            index += 1
        }
        return value
    }

    /// Consumes `00:14:47`, also with a fraction after a point or comma, as seconds.
    mutating func timeOfDay() -> Double? {
        guard let hour = number(digits: 2), hour < 24, consume(oneOf: ":") != nil, let minute = number(digits: 2),
            minute < 60, consume(oneOf: ":") != nil, let second = number(digits: 2), second < 61
        else { return nil }
        let whole = Double(hour * 3600 + minute * 60 + second)
        let mark = index
        guard consume(oneOf: ".,") != nil else { return whole }
        guard let byte = peek, Self.isDigit(byte) else {
            index = mark
            return whole
        }
        return whole + fraction()
    }

    /// Consumes `Z`, `+01:00` or `+0100`, as seconds.
    mutating func zone() -> Double? {
        if consume(oneOf: "Z") != nil { return 0 }
        let mark = index
        if let sign = consume(oneOf: "+-"), let hours = number(digits: 2), hours < 15 {
            _ = consume(oneOf: ":")
            let seconds = Double(hours * 3600 + (number(digits: 2) ?? 0) * 60)
            return sign == "-" ? -seconds : seconds
        }
        index = mark
        return nil
    }

    /// Consumes a month's English abbreviation.
    mutating func month() -> Int? {
        guard index + 3 <= bytes.count,
            let month = Self.months.firstIndex(where: { $0.elementsEqual(bytes[index..<(index + 3)]) })
        else { return nil }
        index += 3
        return month + 1
    }
}

/// What the times in a log leave out: the year, the time zone, and when the machine started.
package struct LogClock: Hashable, Sendable {
    /// Seconds since 1970. A time without a year belongs to the twelve months before.
    package var now: Double
    /// The time zone of times without one, in seconds east of UTC.
    package var utcOffset: Double
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
        return LogClock(
            now: now, utcOffset: Double(local.tm_gmtoff),
            bootTime: now - Double(sinceBoot.tv_sec) - Double(sinceBoot.tv_nsec) / 1e9)
    }
}
