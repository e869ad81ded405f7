private import Glibc

/// Finds the time that a log line gives as its own.
///
/// Understands `2026-11-24 00:14:47,123` (also with `T`, `_`, `-`, a comma, slashes, a fraction), `20261124 00:14:47`, `11/24/2026 00:14:47`
/// and its relatives (`shortDate`), vLLM's `11-24 00:14:47`, `24/Nov/2026:00:14:47`, glog's `E1124 00:14:47.123456` (also `E321`,
/// `E20261124`, and absl's `E0000 00:00:1795479287.123456`), syslog's `Nov 24 00:14:47`, what `date` and `dmesg -T` write
/// (`Tue Nov 24 00:14:47 2026`), the kernel's `[ 1234.567890]` and `[Nov24 00:14]`, seconds or milliseconds since 1970 at the line's start,
/// and a structured line's field (`StructuredTime`). Hours may be followed by AM or PM, and all by a zone, with or without a space: `Z`,
/// `UTC`, `GMT`, `+08:00`, `+0800`, `+08`.
package struct LogTime {
    /// How far into the line a time is searched for, in bytes.
    static let reach = 72
    /// No log of a training is older: 2010, in seconds since 1970. A clock that was never set begins at 1970.
    private static let oldest = 1_262_304_000.0
    /// How far ahead of now a line's time may seem to be, in seconds: it may be of another time zone.
    static let tolerance = 86400.0

    let clock: LogClock

    package init(clock: LogClock) {
        self.clock = clock
    }

    /// Seconds since 1970; `nil` if the line has no time near its start, or one at which no line can have been written.
    package func read(_ line: UnsafeRawBufferPointer) -> Double? { readAny(line).flatMap(credible) }

    func read(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { read(UnsafeRawBufferPointer($0)) }
    }

    /// The time, unless nothing can have been written then: before there was any training, or after now.
    func credible(_ time: Double) -> Double? {
        time >= Self.oldest && time <= clock.now + Self.tolerance ? time : nil
    }

    private func readAny(_ line: UnsafeRawBufferPointer) -> Double? {
        if let time = StructuredTime(time: self).read(line) { return time }
        let head = UnsafeRawBufferPointer(rebasing: line[..<min(line.count, Self.reach)])
        if let time = sinceEpoch(head) { return time }
        if let bootTime = clock.bootTime, let seconds = kernelSeconds(head) { return bootTime + seconds }
        guard hasTimeOfDay(head) else { return kernelMinute(head) }
        for start in head.indices where start == 0 || !TimeReader.isDigit(head[start - 1]) {
            if let time = time(in: head, at: start) { return time }
        }
        return nil
    }

    /// The time that begins exactly here.
    func time(in head: UnsafeRawBufferPointer, at start: Int) -> Double? {
        var text = TimeReader(bytes: head, index: start)
        if TimeReader.isDigit(head[start]) {
            if let time = dateAndTime(&text) { return time }
            text.index = start
            if let time = dayFirst(&text) { return time }
            text.index = start
            if let time = compactDate(&text) { return time }
            text.index = start
            guard start == 0 || " \t[(\"=|<'".utf8.contains(head[start - 1]) else { return nil }
            if let time = shortDate(&text) { return time }
            text.index = start
            return monthAndDay(&text)
        }
        if let time = glog(&text) { return time }
        text.index = start
        return syslog(&text)
    }

    /// Whether there is anything like `00:14:47` or `9:14:47 PM`, which all further forms have: most lines of most logs are done with here.
    private func hasTimeOfDay(_ head: UnsafeRawBufferPointer) -> Bool {
        guard head.count >= 8, let base = head.baseAddress else { return false }
        var index = 1
        let last = head.count - 6
        while index <= last, let colon = memchr(base + index, 0x3A, last - index + 1) {
            index = UnsafeRawPointer(colon) - base
            if head[index + 3] == 0x3A, TimeReader.isDigit(head[index - 1]), TimeReader.isDigit(head[index + 1]) {
                if index > 1, TimeReader.isDigit(head[index - 2]) { return true }
                var hours = TimeReader(bytes: head, index: index - 1)
                if hours.timeOfDay() != nil { return true }
            }
            index += 1
        }
        return false
    }

    private func dateAndTime(_ text: inout TimeReader) -> Double? {
        guard let year = text.number(digits: 4), let separator = text.consume(oneOf: "-/."),
            let month = text.number(digits: 2), text.consume(oneOf: String(separator)) != nil,
            let day = text.number(digits: 2), text.consumeGap(), let seconds = text.timeOfDay()
        else { return nil }
        return clock.time(year, month, day, seconds, offset: text.zone())
    }

    /// `20261124 00:14:47`
    private func compactDate(_ text: inout TimeReader) -> Double? {
        guard let year = text.number(digits: 4), let month = text.number(digits: 2), let day = text.number(digits: 2),
            text.consumeGap(), let seconds = text.timeOfDay()
        else { return nil }
        return clock.time(year, month, day, seconds, offset: text.zone())
    }

    /// `11/24/2026 00:14:47`, `11/24/26 00:14:47`, `24.11.2026 00:14:47`, `26/11/24 00:14:47`: of the days that it can mean, the one nearest
    /// to now that is not to come.
    private func shortDate(_ text: inout TimeReader) -> Double? {
        guard let first = text.shortNumber(), let separator = text.consume(oneOf: "/-."),
            let second = text.shortNumber(), text.consume(oneOf: String(separator)) != nil
        else { return nil }
        let mark = text.index
        var readings: [(year: Int, month: Int, day: Int)] = []
        if let year = text.number(digits: 4), text.consumeGap() {
            readings = [(year, first, second), (year, second, first)]
        } else {
            text.index = mark
            guard let third = text.number(digits: 2), text.consumeGap() else { return nil }
            readings = [(2000 + third, first, second), (2000 + third, second, first), (2000 + first, second, third)]
        }
        guard let seconds = text.timeOfDay() else { return nil }
        let zone = text.zone()
        return nearest(readings.map { clock.time($0.year, $0.month, $0.day, seconds, offset: zone) })
    }

    /// `11-24 00:14:47` as vLLM writes it, `11/24 00:14:47`
    private func monthAndDay(_ text: inout TimeReader) -> Double? {
        guard let first = text.number(digits: 2), let separator = text.consume(oneOf: "-/"),
            let second = text.number(digits: 2), text.consume(oneOf: " ") != nil, let seconds = text.timeOfDay()
        else { return nil }
        let zone = text.zone()
        let monthFirst = clock.timeOfTheYear(first, second, seconds, offset: zone)
        if separator == "-" { return monthFirst }
        return nearest([monthFirst, clock.timeOfTheYear(second, first, seconds, offset: zone)])
    }

    private func nearest(_ times: [Double?]) -> Double? {
        times.compactMap { $0 }.compactMap(credible).min { abs($0 - clock.now) < abs($1 - clock.now) }
    }

    /// `24/Nov/2026:00:14:47 +0000`, `24 Nov 2026 00:14:47 GMT`
    private func dayFirst(_ text: inout TimeReader) -> Double? {
        guard let day = text.number(digits: 2) ?? text.number(digits: 1), let separator = text.consume(oneOf: "/ -"),
            let month = text.month(), text.consume(oneOf: String(separator)) != nil, let year = text.number(digits: 4),
            text.consume(oneOf: ": ") != nil, let seconds = text.timeOfDay()
        else { return nil }
        return clock.time(year, month, day, seconds, offset: text.zone())
    }

    private func glog(_ text: inout TimeReader) -> Double? {
        // PyTorch's own logging writes the months before October with one digit; glog can write the year.
        guard text.consume(oneOf: "IWEF") != nil, let date = text.number(), text.consume(oneOf: " ") != nil else {
            return nil
        }
        if date == 0 { return beforeInitialisation(&text) }
        guard let seconds = text.timeOfDay() else { return nil }
        if (101...1231).contains(date) { return clock.timeOfTheYear(date / 100, date % 100, seconds) }
        return clock.time(date / 10000, date / 100 % 100, date % 100, seconds, offset: nil)
    }

    /// What absl writes for date and time before it knows the zone: `0000 00:00:1795479287.123456`.
    private func beforeInitialisation(_ text: inout TimeReader) -> Double? {
        guard text.number(digits: 2) == 0, text.consume(oneOf: ":") != nil, text.number(digits: 2) == 0,
            text.consume(oneOf: ":") != nil, let whole = text.number(digits: 10)
        else { return nil }
        return Double(whole) + (text.consume(oneOf: ".") != nil ? text.fraction() : 0)
    }

    /// `Nov 24 00:14:47`, `Nov 24 2026 00:14:47`, `Nov 24 00:14:47 2026`, `Nov 24 00:14:47 UTC 2026`
    private func syslog(_ text: inout TimeReader) -> Double? {
        guard let month = text.month(), text.consume(oneOf: " ") != nil else { return nil }
        _ = text.consume(oneOf: " ")
        guard let day = text.number(digits: 2) ?? text.number(digits: 1) else { return nil }
        _ = text.consume(oneOf: ",")
        guard text.consume(oneOf: " ") != nil else { return nil }
        let mark = text.index
        if let year = text.number(digits: 4), text.consume(oneOf: " ") != nil, let seconds = text.timeOfDay() {
            return clock.time(year, month, day, seconds, offset: text.zone())
        }
        text.index = mark
        guard let seconds = text.timeOfDay() else { return nil }
        let zone = text.zone()
        guard text.consume(oneOf: " ") != nil else { return clock.timeOfTheYear(month, day, seconds, offset: zone) }
        // The name of a zone that isn't known, such as CST, is taken to be this machine's.
        if zone == nil { text.skipZoneName() }
        if let year = text.number(digits: 4), year > 1970, text.isAtBoundary {
            return clock.time(year, month, day, seconds, offset: zone)
        }
        return clock.timeOfTheYear(month, day, seconds, offset: zone)
    }

    /// `1795478401.123`, `1795478401123` or `[1795478401.123456]` at the line's start.
    private func sinceEpoch(_ line: UnsafeRawBufferPointer) -> Double? {
        guard line.count >= 10, TimeReader.isDigit(line[0]) || line[0] == UInt8(ascii: "[") else { return nil }
        var text = TimeReader(bytes: line, index: 0)
        _ = text.consume(oneOf: "[")
        let start = text.index
        text.skipDigits()
        let digits = text.index - start
        guard digits == 10 || digits == 13 || digits == 16 || digits == 19 else { return nil }
        if text.consume(oneOf: ".") != nil { text.skipDigits() }
        guard text.isAtBoundary else { return nil }
        return Self.seconds(String(decoding: line[start..<text.index], as: UTF8.self))
    }

    /// A number as seconds since 1970, whether it counts seconds, milliseconds, microseconds or nanoseconds.
    static func seconds(_ text: String) -> Double? {
        guard let number = Double(text) else { return nil }
        for unit in [1.0, 1e3, 1e6, 1e9] where (1e9..<1e10).contains(number / unit) { return number / unit }
        return nil
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
        // With `dmesg -d` the time since the line before follows.
        if text.consume(oneOf: " ") != nil { return text.consume(oneOf: "<") != nil ? seconds : nil }
        return text.consume(oneOf: "]") != nil ? seconds : nil
    }

    /// `[Nov24 00:14]` at the line's start, as `dmesg -e` writes the first line of each minute.
    private func kernelMinute(_ line: UnsafeRawBufferPointer) -> Double? {
        var text = TimeReader(bytes: line, index: 0)
        guard text.consume(oneOf: "[") != nil, let month = text.month() else { return nil }
        _ = text.consume(oneOf: " ")
        guard let day = text.shortNumber(), text.consume(oneOf: " ") != nil, let hour = text.number(digits: 2),
            hour < 24, text.consume(oneOf: ":") != nil, let minute = text.number(digits: 2), minute < 60,
            text.consume(oneOf: "]") != nil
        else { return nil }
        return clock.timeOfTheYear(month, day, Double(hour * 3600 + minute * 60))
    }
}
