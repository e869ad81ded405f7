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

    /// Consumes `00:14:47`, also with a fraction after a point or comma, as seconds; with AM or PM the hour may have one digit.
    mutating func timeOfDay() -> Double? {
        let start = index
        guard let hour = shortNumber(), hour < 24, consume(oneOf: ":") != nil, let minute = number(digits: 2),
            minute < 60, consume(oneOf: ":") != nil, let second = number(digits: 2), second < 61
        else { return nil }
        let isShort = bytes[start + 1] == UInt8(ascii: ":")
        var seconds = Double(minute * 60 + second)
        let mark = index
        if consume(oneOf: ".,") != nil {
            if let byte = peek, Self.isDigit(byte) { seconds += fraction() } else { index = mark }
        }
        if let noon = half(of: hour) { return seconds + Double(noon * 3600) }
        return isShort ? nil : seconds + Double(hour * 3600)
    }

    /// Consumes `AM` or `PM`, also behind a space.
    ///
    /// - Returns: the hour of the day; `nil` if there is neither, or the hour is none of a half day's.
    private mutating func half(of hour: Int) -> Int? {
        let mark = index
        _ = consume(oneOf: " ")
        if (1...12).contains(hour), let half = consume(oneOf: "APap"), consume(oneOf: "Mm") != nil, isAtBoundary {
            return hour % 12 + ("Pp".contains(half) ? 12 : 0)
        }
        index = mark
        return nil
    }

    /// Consumes what stands between a date and a time: a space, `T`, `_`, `-`, a comma and a space, or `][`.
    mutating func consumeGap() -> Bool {
        if consume(oneOf: "]") != nil { return consume(oneOf: "[") != nil }
        if consume(oneOf: ",") != nil { return consume(oneOf: " ") != nil }
        guard consume(oneOf: " T_-") != nil else { return false }
        _ = consume(oneOf: " ")
        return true
    }

    /// Consumes a number of one or two digits.
    mutating func shortNumber() -> Int? { number(digits: 2) ?? number(digits: 1) }

    /// Whether a word or number ends here.
    var isAtBoundary: Bool {
        guard let byte = peek else { return true }
        return !Self.isDigit(byte) && !((byte | 0x20) &- 0x61 < 26) && byte != UInt8(ascii: "_")
    }

    /// Consumes a zone, also behind a space, as seconds east of UTC: `Z`, `UTC`, `GMT`, `UTC+8`, `+01:00`, `+0100`, `+01`.
    mutating func zone() -> Double? {
        let mark = index
        _ = consume(oneOf: " ")
        if consume("UTC") || consume("GMT") {
            if isAtBoundary { return offset(shortHours: true) ?? 0 }
        } else if consume(oneOf: "Z") != nil {
            if isAtBoundary { return 0 }
        } else if let offset = offset(shortHours: false) {
            return offset
        }
        index = mark
        return nil
    }

    /// Consumes `+01:00`, `+0100` or `+01`; zones differ by quarters of an hour.
    private mutating func offset(shortHours: Bool) -> Double? {
        let mark = index
        if let sign = consume(oneOf: "+-"), let hours = number(digits: 2) ?? (shortHours ? number(digits: 1) : nil),
            hours < 15
        {
            let end = index
            _ = consume(oneOf: ":")
            let minutes = number(digits: 2)
            if minutes == nil { index = end }
            if (minutes ?? 0) % 15 == 0, isAtBoundary {
                let seconds = Double(hours * 3600 + (minutes ?? 0) * 60)
                return sign == "-" ? -seconds : seconds
            }
        }
        index = mark
        return nil
    }

    /// Consumes a zone's name and the space behind it.
    mutating func skipZoneName() {
        let mark = index
        while let byte = peek, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) { index += 1 }
        if index == mark || index - mark > 5 || consume(oneOf: " ") == nil { index = mark }
    }

    mutating func skipDigits() {
        while let byte = peek, Self.isDigit(byte) { index += 1 }
    }

    private mutating func consume(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard index + count <= bytes.count,
            (0..<count).allSatisfy({ bytes[index + $0] == word.utf8Start[$0] })
        else { return false }
        index += count
        return true
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
