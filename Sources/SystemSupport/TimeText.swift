private import Glibc

/// A time as people write it: how long ago, a UTC time, or seconds since 1970.
package enum TimeText {
    /// What can be read, for error texts.
    package static let rule =
        "how long ago (90s, 10m, 2h, 1d), a UTC time (2026-11-23, 2026-11-23T18:00, 2026-11-23T18:00:00Z), "
        + "or seconds since 1970"

    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    /// With fewer digits, a number is more likely a duration without its unit than a time before 1973.
    private static let leastDigits = 9

    /// Seconds since 1970; `nil` for what isn't one of the forms.
    package static func read(_ text: String, now: Int64) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        if digits.count == text.count { return digits.count >= leastDigits ? Int64(digits) : nil }
        if digits.count + 1 == text.count, let last = text.last, let unit = units[last], let number = Int64(digits) {
            let (seconds, isTooMuch) = number.multipliedReportingOverflow(by: unit)
            return isTooMuch ? nil : now - seconds
        }
        return time(text.hasSuffix("Z") ? text.dropLast() : text[...])
    }

    /// `2026-11-23T18:00:00Z`
    package static func write(_ seconds: Int64) -> String {
        var moment = time_t(seconds)
        var parts = tm()
        guard gmtime_r(&moment, &parts) != nil else { return "\(seconds)" }
        var buffer = [CChar](repeating: 0, count: 32)
        let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// A date, with or without hours and minutes, with or without seconds.
    private static func time(_ text: Substring) -> Int64? {
        let halves = text.split(omittingEmptySubsequences: false) { $0 == "T" || $0 == " " }
        guard halves.count <= 2, let date = numbers(halves[0], separator: "-", widths: [4, 2, 2]) else { return nil }
        var clock: [Int32] = [0, 0, 0]
        if halves.count == 2 {
            let read =
                numbers(halves[1], separator: ":", widths: [2, 2, 2])
                ?? numbers(halves[1], separator: ":", widths: [2, 2])
            guard let read else { return nil }
            clock = (read + [0]).prefix(3).map { $0 }
        }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (date[0] - 1900, date[1] - 1, date[2])
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (clock[0], clock[1], clock[2])
        let seconds = timegm(&parts)
        // A day or an hour that there isn't has been made another one by now.
        guard [parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec] == date[1...] + clock
        else { return nil }
        return Int64(seconds)
    }

    private static func numbers(_ text: Substring, separator: Character, widths: [Int]) -> [Int32]? {
        let words = text.split(separator: separator, omittingEmptySubsequences: false)
        guard words.map(\.count) == widths,
            words.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } })
        else { return nil }
        return words.compactMap { Int32($0) }
    }
}
