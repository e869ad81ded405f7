/// Text from outside as it may be shown to people: nothing in it moves a cursor, hides or reorders text, or starts a line of its own.
package enum TerminalText {
    /// On one line: newlines and tabs are escaped, too.
    package static func line(_ text: String) -> String {
        escaped(text) { _ in false }
    }

    /// Over several lines: newlines and tabs stay.
    package static func lines(_ text: String) -> String {
        escaped(text) { $0 == "\n" || $0 == "\t" }
    }

    private static func escaped(_ text: String, but isAllowed: (Unicode.Scalar) -> Bool) -> String {
        guard text.unicodeScalars.contains(where: { isDangerous($0) && !isAllowed($0) }) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            if isDangerous(scalar) && !isAllowed(scalar) {
                shown += escape(scalar)
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// C0 and C1 controls, line separators, and what turns the direction of text or is invisible.
    private static func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
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
