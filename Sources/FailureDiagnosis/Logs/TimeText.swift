/// Reads the parts of a time, byte by byte.
struct TimeText {
    let bytes: UnsafeRawBufferPointer
    var index: Int

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        .map { Array($0.utf8) }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// Takes the next byte if it is one of these.
    mutating func take(oneOf characters: String) -> Character? {
        guard let byte = peek, characters.utf8.contains(byte) else { return nil }
        index += 1
        return Character(Unicode.Scalar(byte))
    }

    /// Takes a number of exactly so many digits.
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

    /// Takes a number of up to twelve digits.
    mutating func number() -> Int? {
        let start = index
        var number = 0
        while let byte = peek, Self.isDigit(byte), index - start < 12 {
            number = number * 10 + Int(byte - 0x30)
            index += 1
        }
        return index > start ? number : nil
    }

    /// Takes the digits after a decimal point.
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

    /// Takes `00:14:47`, with a fraction after a point or comma, as seconds.
    mutating func timeOfDay() -> Double? {
        guard let hour = number(digits: 2), hour < 24, take(oneOf: ":") != nil, let minute = number(digits: 2),
            minute < 60, take(oneOf: ":") != nil, let second = number(digits: 2), second < 61
        else { return nil }
        let whole = Double(hour * 3600 + minute * 60 + second)
        let mark = index
        guard take(oneOf: ".,") != nil else { return whole }
        guard let byte = peek, Self.isDigit(byte) else {
            index = mark
            return whole
        }
        return whole + fraction()
    }

    /// Takes `Z`, `+01:00` or `+0100`, as seconds.
    mutating func zone() -> Double? {
        if take(oneOf: "Z") != nil { return 0 }
        let mark = index
        if let sign = take(oneOf: "+-"), let hours = number(digits: 2), hours < 15 {
            _ = take(oneOf: ":")
            let seconds = Double(hours * 3600 + (number(digits: 2) ?? 0) * 60)
            return sign == "-" ? -seconds : seconds
        }
        index = mark
        return nil
    }

    /// Takes a month's English abbreviation.
    mutating func month() -> Int? {
        guard index + 3 <= bytes.count,
            let month = Self.months.firstIndex(where: { $0.elementsEqual(bytes[index..<(index + 3)]) })
        else { return nil }
        index += 3
        return month + 1
    }
}
