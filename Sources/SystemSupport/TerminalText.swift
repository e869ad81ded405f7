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
        var scan = Scan()
        if text.utf8.count <= limit,
            !text.unicodeScalars.contains(where: { scan.isDangerous($0) && !isAllowed($0) })
        {
            return text
        }
        scan = Scan()
        var shown = String.UnicodeScalarView()
        var room = limit
        for scalar in text.unicodeScalars {
            let escape = scan.isDangerous(scalar) && !isAllowed(scalar) ? escape(scalar) : nil
            room -= escape?.utf8.count ?? UTF8.width(scalar)
            guard room >= 0 else {
                shown.append(cut)
                break
            }
            if let escape { shown.append(contentsOf: escape.unicodeScalars) } else { shown.append(scalar) }
        }
        return String(shown)
    }

    /// Goes over a text and says what of it must not be shown as it is.
    struct Scan {
        /// More than any language puts on a letter: Unicode's own limit for streams is 30, and each is drawn above the last one.
        static let mostMarks = 8
        private var marks = 0

        /// C0 and C1 controls, line separators, what turns the direction of text or is invisible, and what would be piled up over other lines.
        mutating func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
            if scalar.isASCII {
                marks = 0
                return scalar.value < 0x20 || scalar.value == 0x7F
            }
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator:
                marks = 0
                return true
            case .nonspacingMark, .enclosingMark: marks += 1
            default: if !isInvisible(scalar) { marks = 0 }
            }
            return marks > Self.mostMarks || isInvisible(scalar)
        }
    }

    /// What takes no room of its own, or only looks like a space: format characters, what Unicode lets a font ignore, and blanks that are
    /// letters or symbols.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\u{2800}", "\u{16FE4}", "\u{1D159}": return true
        default: break
        }
        let properties = scalar.properties
        return properties.generalCategory == .format || properties.generalCategory == .control
            || properties.isDefaultIgnorableCodePoint
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
