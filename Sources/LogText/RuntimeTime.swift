internal import Glibc

/// The times that container runtimes write: Go's RFC 3339 with nanoseconds, `2026-11-28T10:00:00.123456789Z` or with a zone, `+08:00`.
enum RuntimeTime {
    /// Seconds since 1970; `nil` for anything else.
    static func read(_ text: UnsafeRawBufferPointer) -> Double? {
        guard text.count >= 20, text.count <= 40,
            let year = number(text, 0, 4), text[4] == UInt8(ascii: "-"), let month = number(text, 5, 2),
            text[7] == UInt8(ascii: "-"), let day = number(text, 8, 2), text[10] == UInt8(ascii: "T"),
            let hour = number(text, 11, 2), text[13] == UInt8(ascii: ":"), let minute = number(text, 14, 2),
            text[16] == UInt8(ascii: ":"), let second = number(text, 17, 2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var index = 19
        var fraction = 0.0
        if text[index] == UInt8(ascii: ".") {
            index += 1
            var scale = 0.1
            while index < text.count, text[index] &- 0x30 < 10 {
                fraction += Double(text[index] - 0x30) * scale
                scale /= 10
                index += 1
            }
        }
        guard index < text.count, let zone = zone(text, index) else { return nil }
        var date = tm()
        (date.tm_year, date.tm_mon, date.tm_mday) = (Int32(year - 1900), Int32(month - 1), Int32(day))
        (date.tm_hour, date.tm_min, date.tm_sec) = (Int32(hour), Int32(minute), Int32(second))
        return Double(timegm(&date) - zone) + fraction
    }

    private static func zone(_ text: UnsafeRawBufferPointer, _ index: Int) -> Int? {
        if text[index] == UInt8(ascii: "Z") { return index + 1 == text.count ? 0 : nil }
        guard text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-"), index + 6 == text.count,
            let hours = number(text, index + 1, 2), text[index + 3] == UInt8(ascii: ":"),
            let minutes = number(text, index + 4, 2), hours < 24, minutes < 60
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        return text[index] == UInt8(ascii: "-") ? -seconds : seconds
    }

    private static func number(_ text: UnsafeRawBufferPointer, _ start: Int, _ digits: Int) -> Int? {
        var number = 0
        for byte in text[start..<(start + digits)] {
            guard byte &- 0x30 < 10 else { return nil }
            number = number * 10 + Int(byte - 0x30)
        }
        return number
    }
}
