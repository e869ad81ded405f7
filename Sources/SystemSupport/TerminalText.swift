/// Text from outside as it may be shown to people: nothing in it moves a cursor, hides or reorders text, or starts a line of its own.
package enum TerminalText {
    /// How much of one field is shown, in bytes: as long as the longest path that Linux knows.
    package static let longestField = 4096
    /// How much of a line of several fields is shown, in bytes.
    package static let longestLine = 64 << 10
    private static let cut: Unicode.Scalar = "…"

    /// On one line: newlines and tabs are escaped, too.
    ///
    /// - Parameter limit: in bytes; a longer text is cut, and ends with `…`. Bounds the time as well.
    package static func line(_ text: String, limit: Int = longestField) -> String {
        escaped(text, limit: limit) { _ in false }
    }

    /// Over several lines: newlines and tabs stay, and nothing is cut.
    package static func lines(_ text: String) -> String {
        escaped(text, limit: .max) { $0 == "\n" || $0 == "\t" }
    }

    private static func escaped(_ text: String, limit: Int, but isAllowed: (Unicode.Scalar) -> Bool) -> String {
        if text.utf8.count <= limit, !text.unicodeScalars.contains(where: { isDangerous($0) && !isAllowed($0) }) {
            return text
        }
        var shown = String.UnicodeScalarView()
        var room = limit
        for scalar in text.unicodeScalars {
            let escape = isDangerous(scalar) && !isAllowed(scalar) ? escape(scalar) : nil
            room -= escape?.utf8.count ?? UTF8.width(scalar)
            guard room >= 0 else {
                shown.append(cut)
                break
            }
            if let escape { shown.append(contentsOf: escape.unicodeScalars) } else { shown.append(scalar) }
        }
        return String(shown)
    }

    /// C0 and C1 controls, line separators, and what turns the direction of text or is invisible.
    static func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default:
            let digits = String(scalar.value, radix: 16)
            return scalar.value < 0x100
                ? "\\x" + String(repeating: "0", count: 2 - digits.count) + digits : "\\u{\(digits)}"
        }
    }
}
