/// Reads the little of JSON that a line of Docker's log has, byte by byte.
struct JSONBytes {
    let bytes: UnsafeRawBufferPointer
    private var index = 0

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Whether only white space is left.
    var isAtEnd: Bool { bytes[index...].allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }

    /// Consumes white space and this character, if that is next.
    mutating func consume(_ character: Unicode.Scalar) -> Bool {
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    /// Consumes a string and gives its value as UTF-8. A lone surrogate becomes U+FFFD.
    mutating func string() -> [UInt8]? {
        guard consume("\"") else { return nil }
        var value: [UInt8] = []
        while index < bytes.count {
            let start = index
            while index < bytes.count, bytes[index] != 0x22, bytes[index] != 0x5C, bytes[index] >= 0x20 { index += 1 }
            value += bytes[start..<index]
            guard index < bytes.count, bytes[index] >= 0x20 else { return nil }
            index += 1
            if bytes[index - 1] == 0x22 { return value }
            guard appendEscape(to: &value) else { return nil }
        }
        return nil
    }

    /// Consumes an object whose values are strings, as `attrs` is.
    mutating func skipObject() -> Bool {
        guard consume("{") else { return false }
        if consume("}") { return true }
        repeat {
            guard string() != nil, consume(":"), string() != nil else { return false }
        } while consume(",")
        return consume("}")
    }

    private mutating func appendEscape(to value: inout [UInt8]) -> Bool {
        guard index < bytes.count else { return false }
        let escape = bytes[index]
        index += 1
        switch escape {
        case UInt8(ascii: "n"): value.append(0x0A)
        case UInt8(ascii: "r"): value.append(0x0D)
        case UInt8(ascii: "t"): value.append(0x09)
        case UInt8(ascii: "b"): value.append(0x08)
        case UInt8(ascii: "f"): value.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): value.append(escape)
        case UInt8(ascii: "u"):
            guard let scalar = scalar() else { return false }
            value += Array(String(Character(scalar)).utf8)
        default: return false
        }
        return true
    }

    private mutating func scalar() -> Unicode.Scalar? {
        guard let first = hex() else { return nil }
        guard first & 0xFC00 == 0xD800 else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
        let mark = index
        guard index + 6 <= bytes.count, bytes[index] == 0x5C, bytes[index + 1] == UInt8(ascii: "u") else {
            return "\u{FFFD}"
        }
        index += 2
        guard let second = hex() else { return nil }
        guard second & 0xFC00 == 0xDC00 else {
            index = mark
            return "\u{FFFD}"
        }
        return Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + second & 0x3FF)
    }

    private mutating func hex() -> UInt32? {
        guard index + 4 <= bytes.count else { return nil }
        var value: UInt32 = 0
        for byte in bytes[index..<(index + 4)] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        index += 4
        return value
    }
}
