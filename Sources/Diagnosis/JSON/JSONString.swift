private import Glibc

/// The inside of a JSON string: escaping and reading back (RFC 8259, section 7).
package enum JSONString {
    /// Appends `utf8`, which must be valid UTF-8, with `"`, `\` and control characters escaped.
    ///
    /// Most bytes need no escape: they are checked eight at a time and copied in runs.
    static func appendEscaped(_ utf8: UnsafeBufferPointer<UInt8>, to json: inout [UInt8]) {
        var runStart = 0
        var index = 0
        while index < utf8.count {
            index = firstSpecial(in: utf8, from: index)
            json.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[runStart..<index]))
            if index < utf8.count { appendEscape(of: utf8[index], to: &json) }
            index += 1
            runStart = index
        }
    }

    /// The index of the first byte from `start` on that must be escaped, or the end.
    static func firstSpecial(in utf8: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start
        let raw = UnsafeRawBufferPointer(utf8)
        while index + 32 <= utf8.count {
            let first = special(in: raw, at: index) | special(in: raw, at: index + 8)
            guard first | special(in: raw, at: index + 16) | special(in: raw, at: index + 24) == 0 else { break }
            index += 32
        }
        while index + 8 <= utf8.count {
            let found = special(in: raw, at: index)
            if found != 0 { return index + found.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < utf8.count, !isSpecial(utf8[index]) { index += 1 }
        return index
    }

    private static func isSpecial(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// Marks the special ones of eight bytes with their top bits, the first byte lowest; above the first mark there may be false ones.
    ///
    /// Exclusive-or with 2 makes a quote 0x20, and moves no other byte across 0x21. A byte below 0x21 then borrows when that is taken off, and so
    /// does, once exclusive-or has turned it to zero, a backslash when 1 is taken off ("Bit Twiddling Hacks", S. E. Anderson).
    @inline(__always)
    private static func special(in bytes: UnsafeRawBufferPointer, at index: Int) -> UInt64 {
        let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        let ones: UInt64 = 0x0101_0101_0101_0101
        let below = (word ^ (ones &* 2)) &- (ones &* 0x21)
        let backslashes = (word ^ (ones &* UInt64(UInt8(ascii: "\\")))) &- ones
        return (below | backslashes) & ~word & (ones &* 0x80)
    }

    private static func appendEscape(of byte: UInt8, to json: inout [UInt8]) {
        json.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): json.append(byte)
        case 0x0A: json.append(UInt8(ascii: "n"))
        case 0x0D: json.append(UInt8(ascii: "r"))
        case 0x09: json.append(UInt8(ascii: "t"))
        case 0x08: json.append(UInt8(ascii: "b"))
        case 0x0C: json.append(UInt8(ascii: "f"))
        default:
            let digits = Array("0123456789abcdef".utf8)
            json.append(contentsOf: "u00".utf8)
            json.append(digits[Int(byte >> 4)])
            json.append(digits[Int(byte & 15)])
        }
    }

    /// The text that a string's inside stands for. Half of a surrogate pair reads as U+FFFD, and so does what a checked string doesn't have:
    /// an escape that is none, or not whole.
    package static func unescape(_ escaped: ArraySlice<UInt8>) -> String {
        let firstBackslash = backslash(in: escaped)
        guard firstBackslash < escaped.endIndex else { return String(decoding: escaped, as: UTF8.self) }
        var utf8: [UInt8] = []
        utf8.reserveCapacity(escaped.count)
        var rest = escaped
        var next = firstBackslash
        while next < rest.endIndex {
            utf8.append(contentsOf: rest[..<next])
            rest = rest[(next + 1)...]
            guard let code = rest.popFirst() else {
                utf8.append(contentsOf: "\u{FFFD}".utf8)
                break
            }
            switch code {
            case UInt8(ascii: "n"): utf8.append(0x0A)
            case UInt8(ascii: "r"): utf8.append(0x0D)
            case UInt8(ascii: "t"): utf8.append(0x09)
            case UInt8(ascii: "b"): utf8.append(0x08)
            case UInt8(ascii: "f"): utf8.append(0x0C)
            case UInt8(ascii: "u"): utf8.append(contentsOf: String(takeCharacter(from: &rest)).utf8)
            default: utf8.append(code)
            }
            next = backslash(in: rest)
        }
        utf8.append(contentsOf: rest)
        return String(decoding: utf8, as: UTF8.self)
    }

    /// The index of the first backslash, or the end.
    private static func backslash(in escaped: ArraySlice<UInt8>) -> Int {
        escaped.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, let found = memchr(start, CInt(UInt8(ascii: "\\")), bytes.count)
            else { return escaped.endIndex }
            return escaped.startIndex + (UnsafeRawPointer(found) - start)
        }
    }

    /// Takes the four digits after `\u`, and the second half of a surrogate pair where there is one.
    private static func takeCharacter(from rest: inout ArraySlice<UInt8>) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        let first = hex(rest.prefix(4))
        rest = rest.dropFirst(4)
        guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) ?? replacement }
        guard rest.starts(with: #"\u"#.utf8), rest.count >= 6 else { return replacement }
        let second = hex(rest.dropFirst(2).prefix(4))
        guard (0xDC00..<0xE000).contains(second) else { return replacement }
        rest = rest.dropFirst(6)
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? replacement
    }

    private static func hex(_ digits: ArraySlice<UInt8>) -> UInt32 {
        UInt32(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0xFFFD
    }
}
