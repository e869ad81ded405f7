/// The bytes by which programs command a terminal: colours, links, the cursor (ECMA-48; OSC and DCS as xterm's ctlseqs describes them).
package enum EscapeSequences {
    private static let escape: UInt8 = 0x1B
    private static let bell: UInt8 = 0x07

    /// The text without escape sequences, backspaces, bells and NULs.
    package static func strip(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case escape: index = end(of: index, in: bytes)
            // The C1 controls as UTF-8: U+009B is CSI, U+009D OSC, U+0090 DCS.
            case 0xC2 where index + 1 < bytes.count && (0x80...0x9F).contains(bytes[index + 1]):
                index = end(ofKind: bytes[index + 1] - 0x40, from: index + 2, in: bytes)
            case 0x00, bell, 0x08: index += 1
            default:
                plain.append(bytes[index])
                index += 1
            }
        }
        return plain
    }

    private static func end(of start: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        guard start + 1 < bytes.count else { return bytes.count }
        return end(ofKind: bytes[start + 1], from: start + 2, in: bytes)
    }

    private static func end(ofKind kind: UInt8, from start: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        var index = start
        switch kind {
        case UInt8(ascii: "["):
            while index < bytes.count, (0x20...0x3F).contains(bytes[index]) { index += 1 }
            // What isn't a final byte is no part of a broken sequence.
            return index < bytes.count && (0x40...0x7E).contains(bytes[index]) ? index + 1 : index
        case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"):
            while index < bytes.count {
                if bytes[index] == bell { return index + 1 }
                if bytes[index] == escape, index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "\\") {
                    return index + 2
                }
                if bytes[index] == 0xC2, index + 1 < bytes.count, bytes[index + 1] == 0x9C { return index + 2 }
                // A text without an end must not swallow what follows.
                if bytes[index] == 0x0A || bytes[index] == 0x0D || index - start > 4096 { return start }
                index += 1
            }
            return start
        case 0x20...0x2F:
            while index < bytes.count, (0x20...0x2F).contains(bytes[index]) { index += 1 }
            return min(index + 1, bytes.count)
        // A new escape sequence, or the line's end.
        case 0x00..<0x20: return start - 1
        default: return start
        }
    }

    /// The text without the sequences for colours that JSON and `repr` write out: `\u001b[31m`, `\x1b[0m`, `\033[1m`.
    package static func stripWritten(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "\\")) else { return text }
        let bytes = Array(text.utf8)
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\"), let end = endOfWritten(at: index, in: bytes) {
                index = end
            } else {
                plain.append(bytes[index])
                index += 1
            }
        }
        return plain.count == bytes.count ? text : String(decoding: plain, as: UTF8.self)
    }

    private static let written = ["\\u001b[", "\\u001B[", "\\x1b[", "\\x1B[", "\\033["].map { Array($0.utf8) }

    private static func endOfWritten(at start: Int, in bytes: [UInt8]) -> Int? {
        guard let escape = written.first(where: { bytes[start...].starts(with: $0) }) else { return nil }
        let parameters = bytes[(start + escape.count)...].prefix { $0 &- 0x30 < 10 || ";:?".utf8.contains($0) }
        guard parameters.endIndex < bytes.count, (bytes[parameters.endIndex] | 0x20) &- 0x61 < 26 else { return nil }
        return parameters.endIndex + 1
    }
}
