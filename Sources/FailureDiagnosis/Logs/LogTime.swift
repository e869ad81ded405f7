private import Glibc

/// Finds the time at which a log line was written.
///
/// Understood are `2026-11-24 00:14:47,123` (also with `T`, `_`, slashes, a fraction, a zone), glog's `E1124 00:14:47.123456` (also `E321`), syslog's
/// `Nov 24 00:14:47`, `dmesg -T`'s `Tue Nov 24 00:14:47 2026`, and the kernel's `[ 1234.567890]`.
struct LogTime {
    /// How far into the line a time is looked for, in bytes.
    static let reach = 72

    let clock: LogClock

    /// Seconds since 1970; `nil`: the line has no time near its start.
    func read(_ line: UnsafeRawBufferPointer) -> Double? {
        let head = UnsafeRawBufferPointer(rebasing: line[..<min(line.count, Self.reach)])
        if let bootTime = clock.bootTime, let seconds = kernelSeconds(head) { return bootTime + seconds }
        for start in head.indices where start == 0 || !TimeText.isDigit(head[start - 1]) {
            var text = TimeText(bytes: head, index: start)
            if let time = dateAndTime(&text) { return time }
            text = TimeText(bytes: head, index: start)
            if let time = glog(&text) { return time }
            text = TimeText(bytes: head, index: start)
            if let time = syslog(&text) { return time }
        }
        return nil
    }

    func read(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { read(UnsafeRawBufferPointer($0)) }
    }

    private func dateAndTime(_ text: inout TimeText) -> Double? {
        guard let year = text.number(digits: 4), let separator = text.take(oneOf: "-/"),
            let month = text.number(digits: 2), text.take(oneOf: String(separator)) != nil,
            let day = text.number(digits: 2), text.take(oneOf: " T_") != nil, let seconds = text.timeOfDay()
        else { return nil }
        return time(year, month, day, seconds, offset: text.zone() ?? clock.utcOffset)
    }

    private func glog(_ text: inout TimeText) -> Double? {
        // PyTorch's own logging writes the months before October with one digit.
        guard text.take(oneOf: "IWEF") != nil, let date = text.number(), (101...1231).contains(date),
            text.take(oneOf: " ") != nil, let seconds = text.timeOfDay()
        else { return nil }
        return timeOfTheYear(date / 100, date % 100, seconds)
    }

    private func syslog(_ text: inout TimeText) -> Double? {
        guard let month = text.month(), text.take(oneOf: " ") != nil else { return nil }
        _ = text.take(oneOf: " ")
        guard let day = text.number(digits: 2) ?? text.number(digits: 1), text.take(oneOf: " ") != nil,
            let seconds = text.timeOfDay()
        else { return nil }
        if text.take(oneOf: " ") != nil, let year = text.number(digits: 4), year > 1970 {
            return time(year, month, day, seconds, offset: clock.utcOffset)
        }
        return timeOfTheYear(month, day, seconds)
    }

    /// `[ 1234.567890]` at the line's start, after `dmesg --raw`'s priority.
    private func kernelSeconds(_ line: UnsafeRawBufferPointer) -> Double? {
        var text = TimeText(bytes: line, index: 0)
        if text.take(oneOf: "<") != nil {
            guard text.number() != nil, text.take(oneOf: ">") != nil else { return nil }
        }
        guard text.take(oneOf: "[") != nil else { return nil }
        while text.take(oneOf: " ") != nil {}
        guard let whole = text.number(), text.take(oneOf: ".") != nil else { return nil }
        let seconds = Double(whole) + text.fraction()
        return text.take(oneOf: "]") != nil ? seconds : nil
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
