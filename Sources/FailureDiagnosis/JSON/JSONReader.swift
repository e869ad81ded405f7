/// Reads JSON text.
struct JSONReader {
    private static let deepest = 64

    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func readAll() -> JSONValue? {
        guard let value = readValue() else { return nil }
        skipSpace()
        return index == bytes.count ? value : nil
    }

    private mutating func readValue() -> JSONValue? {
        skipSpace()
        guard index < bytes.count else { return nil }
        switch bytes[index] {
        case UInt8(ascii: "{"): return nested { $0.readObject() }
        case UInt8(ascii: "["): return nested { $0.readArray() }
        case UInt8(ascii: "\""): return readString().map(JSONValue.string)
        case UInt8(ascii: "t"): return takeWord("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return takeWord("false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return takeWord("null") ? .null : nil
        // Python's json writes these, which are not JSON.
        case UInt8(ascii: "N"): return takeWord("NaN") ? .null : nil
        case UInt8(ascii: "I"): return takeWord("Infinity") ? .null : nil
        default: return readNumber()
        }
    }

    private mutating func nested(_ read: (inout JSONReader) -> JSONValue?) -> JSONValue? {
        guard depth < Self.deepest else { return nil }
        depth += 1
        defer { depth -= 1 }
        index += 1
        return read(&self)
    }

    private mutating func readObject() -> JSONValue? {
        var members: [JSONValue.Member] = []
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard let key = readString(), take(":"), let value = readValue() else { return nil }
            members.append(JSONValue.Member(key, value))
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func readArray() -> JSONValue? {
        var values: [JSONValue] = []
        if take("]") { return .array(values) }
        repeat {
            guard let value = readValue() else { return nil }
            values.append(value)
        } while take(",")
        return take("]") ? .array(values) : nil
    }

    private mutating func readString() -> String? {
        guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { return nil }
        index += 1
        var utf8: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: utf8, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") {
                guard appendEscape(to: &utf8) else { return nil }
            } else {
                utf8.append(byte)
            }
        }
        return nil
    }

    private mutating func appendEscape(to utf8: inout [UInt8]) -> Bool {
        guard index < bytes.count else { return false }
        let code = bytes[index]
        index += 1
        switch code {
        case UInt8(ascii: "n"): utf8.append(0x0A)
        case UInt8(ascii: "r"): utf8.append(0x0D)
        case UInt8(ascii: "t"): utf8.append(0x09)
        case UInt8(ascii: "b"): utf8.append(0x08)
        case UInt8(ascii: "f"): utf8.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): utf8.append(code)
        case UInt8(ascii: "u"):
            guard let scalar = readScalar() else { return false }
            utf8.append(contentsOf: String(scalar).utf8)
        default: return false
        }
        return true
    }

    /// Reads the four digits after `\u`, with the second half of a pair; half a pair reads as U+FFFD.
    private mutating func readScalar() -> Unicode.Scalar? {
        guard let first = readHex() else { return nil }
        if let scalar = Unicode.Scalar(first) { return scalar }
        let mark = index
        if first < 0xDC00, takeWord("\\u"), let second = readHex(), (0xDC00..<0xE000).contains(second) {
            return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        }
        index = mark
        return "\u{FFFD}"
    }

    private mutating func readHex() -> UInt32? {
        guard index + 4 <= bytes.count else { return nil }
        defer { index += 4 }
        return UInt32(String(decoding: bytes[index..<(index + 4)], as: UTF8.self), radix: 16)
    }

    private mutating func readNumber() -> JSONValue? {
        let start = index
        while index < bytes.count, "+-.eE0123456789".utf8.contains(bytes[index]) { index += 1 }
        return Double(String(decoding: bytes[start..<index], as: UTF8.self)).map(JSONValue.number)
    }

    private mutating func takeWord(_ word: String) -> Bool {
        guard bytes[index...].starts(with: word.utf8) else { return false }
        index += word.utf8.count
        return true
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while index < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[index]) { index += 1 }
    }
}
