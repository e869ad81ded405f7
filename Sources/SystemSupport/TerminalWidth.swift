/// How many columns of a terminal a text takes, and texts that are made to fit.
package enum TerminalWidth {
    private static let cut: Character = "…"

    /// The columns of a text that `TerminalText` has made harmless.
    package static func columns(of text: some StringProtocol) -> Int {
        // Mostly it is ASCII, each byte of which is a column.
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.unicodeScalars.reduce(0) { $0 + columns(of: $1) }
    }

    /// The text, cut to at most so many columns; one that is cut ends with `…`.
    package static func cut(_ text: String, to most: Int) -> String {
        guard most > 0 else { return "" }
        // A scalar has at least a byte for each of its columns.
        guard text.utf8.count > most, columns(of: text) > most else { return text }
        var (kept, used) = (String.UnicodeScalarView(), 0)
        for scalar in text.unicodeScalars {
            let width = columns(of: scalar)
            guard used + width < most else { break }
            kept.append(scalar)
            used += width
        }
        return String(kept) + String(cut)
    }

    /// The text in exactly so many columns: cut, or with spaces before or after it.
    package static func fit(_ text: String, to width: Int, isNumber: Bool = false) -> String {
        let text = cut(text, to: width)
        let padding = String(repeating: " ", count: max(0, width - columns(of: text)))
        return isNumber ? padding + text : text + padding
    }

    private static func columns(of scalar: Unicode.Scalar) -> Int {
        if scalar.isASCII { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return isWide(scalar.value) ? 2 : 1
        }
    }

    /// East Asian Wide and Fullwidth, in the ranges of Unicode's EastAsianWidth.txt, and the emoji that terminals draw as wide.
    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
            0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
