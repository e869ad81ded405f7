/// A text as it reads, in ASCII as far as that matters to find secrets: without colours and what is invisible, with written escapes and
/// percent signs decoded, and with the signs of other scripts as the ones they look like. Each byte knows where it stands in the text.
struct PlainBytes {
    private(set) var bytes: [UInt8] = []
    /// Where each byte begins and ends; empty if the text reads as it is.
    private var starts: [Int] = []
    private var ends: [Int] = []

    init(_ text: [UInt8]) {
        guard text.contains(where: Self.isSpecial) else {
            bytes = text
            return
        }
        bytes.reserveCapacity(text.count)
        starts.reserveCapacity(text.count)
        ends.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let (end, read) = Self.isSpecial(text[index]) ? Self.read(text, at: index) : (index + 1, text[index])
            if let read {
                bytes.append(read)
                starts.append(index)
                ends.append(end)
            } else if end == index + 1 {
                // A byte of another script stands for itself.
                bytes.append(text[index])
                starts.append(index)
                ends.append(end)
            }
            index = end
        }
    }

    /// The place in the text of a range of the bytes, which is not empty.
    func place(of range: Range<Int>) -> Range<Int> {
        starts.isEmpty ? range : starts[range.lowerBound]..<ends[range.upperBound - 1]
    }

    private static func isSpecial(_ byte: UInt8) -> Bool {
        byte >= 0x7F || byte < 0x20 && byte != 0x0A && byte != 0x09 && byte != 0x0D || byte == UInt8(ascii: "\\")
            || byte == UInt8(ascii: "%")
    }

    /// - Returns: where the next character begins, and what this one reads as; `nil` for nothing, or for itself if it is one byte.
    private static func read(_ text: [UInt8], at index: Int) -> (end: Int, byte: UInt8?) {
        switch text[index] {
        case 0x1B: return (endOfSequence(in: text, after: index + 1), nil)
        case UInt8(ascii: "\\"): return written(text, at: index)
        case UInt8(ascii: "%"):
            guard let byte = number(text, from: index + 1, digits: 2), byte > 0x20, byte < 0x7F,
                !"{(<$%".utf8.contains(UInt8(byte))
            else {
                return (index + 1, text[index])
            }
            return (index + 3, UInt8(byte))
        case ..<0x80: return (index + 1, 0x20)
        default: return scalar(text, at: index)
        }
    }

    /// `\u001b[36m`, `\x1b[0m`, `\033[1m`, `\e[m`, and what else logs write of characters that are not shown.
    private static func written(_ text: [UInt8], at index: Int) -> (end: Int, byte: UInt8?) {
        guard index + 1 < text.count else { return (index + 1, text[index]) }
        let code: (value: Int, end: Int)? =
            switch text[index + 1] {
            case UInt8(ascii: "u"):
                bracketed(text, from: index + 2) ?? number(text, from: index + 2, digits: 4).map { ($0, index + 6) }
            case UInt8(ascii: "x"): number(text, from: index + 2, digits: 2).map { ($0, index + 4) }
            case UInt8(ascii: "0") where text[index...].starts(with: "\\033".utf8): (0x1B, index + 4)
            case UInt8(ascii: "e") where text[index...].starts(with: "\\e[".utf8): (0x1B, index + 2)
            default: nil
            }
        guard let code else { return (index + 1, text[index]) }
        if code.value == 0x1B { return (endOfSequence(in: text, after: code.end), nil) }
        guard let scalar = Unicode.Scalar(UInt32(code.value)) else { return (index + 1, text[index]) }
        return switch meaning(of: scalar) {
        case .nothing: (code.end, nil)
        case .byte(let byte): (code.end, byte)
        case .itself: (index + 1, text[index])
        }
    }

    private static func scalar(_ text: [UInt8], at index: Int) -> (end: Int, byte: UInt8?) {
        var decoder = UTF8()
        var iterator = text[index...].prefix(4).makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return (index + 1, nil) }
        let end = index + UTF8.width(scalar)
        return switch meaning(of: scalar) {
        case .nothing: scalar == "\u{9B}" ? (endOfParameters(in: text, from: end), nil) : (end, nil)
        case .byte(let byte): (end, byte)
        case .itself: (index + 1, nil)
        }
    }

    private enum Meaning {
        case nothing
        case byte(UInt8)
        case itself
    }

    private static func meaning(of scalar: Unicode.Scalar) -> Meaning {
        switch scalar {
        case "\u{2018}", "\u{2019}": return .byte(UInt8(ascii: "'"))
        case "\u{201C}", "\u{201D}", "\u{AB}", "\u{BB}": return .byte(UInt8(ascii: "\""))
        // Whoever reads a line does not end it there.
        case "\u{2028}", "\u{2029}", "\u{85}": return .nothing
        // Full-width forms.
        case "\u{FF01}"..."\u{FF5E}": return .byte(UInt8(scalar.value - 0xFF01 + 0x21))
        case " "..."~": return .byte(UInt8(scalar.value))
        case "\t", "\n", "\r": return .byte(0x20)
        default: break
        }
        if scalar.properties.generalCategory == .spaceSeparator { return .byte(0x20) }
        return TerminalText.isInvisible(scalar) ? .nothing : .itself
    }

    /// What `TerminalText` has written.
    private static func bracketed(_ text: [UInt8], from start: Int) -> (value: Int, end: Int)? {
        guard start < text.count, text[start] == UInt8(ascii: "{") else { return nil }
        let digits = text[(start + 1)...].prefix(7).prefix { $0 != UInt8(ascii: "}") }
        guard 1...6 ~= digits.count, digits.endIndex < text.count else { return nil }
        return number(text, from: start + 1, digits: digits.count).map { ($0, digits.endIndex + 1) }
    }

    private static func number(_ text: [UInt8], from start: Int, digits: Int) -> Int? {
        guard start + digits <= text.count else { return nil }
        var value = 0
        for byte in text[start..<start + digits] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            value = value * 16 + digit
        }
        return value
    }

    /// The end of what commands a terminal, behind its escape character (ECMA-48).
    private static func endOfSequence(in text: [UInt8], after start: Int) -> Int {
        guard start < text.count else { return start }
        switch text[start] {
        case UInt8(ascii: "["): return endOfParameters(in: text, from: start + 1)
        case UInt8(ascii: "]"):
            let rest = text[start...].prefix(512)
            guard let end = rest.firstIndex(where: { $0 == 0x07 || $0 == 0x1B || $0 == UInt8(ascii: "\\") }) else {
                return start + 1
            }
            return text[end] == 0x1B ? min(end + 2, text.count) : end + 1
        case UInt8(ascii: "("), UInt8(ascii: ")"): return min(start + 2, text.count)
        default: return start
        }
    }

    private static func endOfParameters(in text: [UInt8], from start: Int) -> Int {
        let end = text[start...].prefix(64).firstIndex { !(0x20...0x3F).contains($0) } ?? start
        return end < text.count && (0x40...0x7E).contains(text[end]) ? end + 1 : end
    }
}
