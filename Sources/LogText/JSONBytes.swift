internal import Diagnosis

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
        let start = index
        while index < bytes.count, bytes[index] >= 0x20 {
            if bytes[index] == 0x22 {
                defer { index += 1 }
                return Array(JSONString.unescape(Array(bytes[start..<index])[...]).utf8)
            }
            if bytes[index] == 0x5C {
                guard skipEscape() else { return nil }
            } else {
                index += 1
            }
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

    private mutating func skipEscape() -> Bool {
        guard index + 1 < bytes.count else { return false }
        let digits = bytes[index + 1] == UInt8(ascii: "u") ? 4 : 0
        guard Array("\"\\/bfnrtu".utf8).contains(bytes[index + 1]), index + 2 + digits <= bytes.count,
            bytes[(index + 2)..<(index + 2 + digits)].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
        else { return false }
        index += 2 + digits
        return true
    }
}
