/// Lines as Python's `str.splitlines()` sees them, which is how DLRover's agent and its master take a metrics page apart.
package enum PythonLines {
    /// All lines of `text`, without their ends. A break at the very end begins no further line.
    package static func split(_ text: Substring.UTF8View) -> [Substring.UTF8View] {
        var lines: [Substring.UTF8View] = []
        var rest = text
        while !rest.isEmpty {
            let (line, following) = splitFirst(rest)
            lines.append(line)
            rest = following
        }
        return lines
    }

    /// Splits after the first line: after `\n`, `\r`, `\r\n`, `\v`, `\f`, U+001C to U+001E, U+0085, U+2028 and U+2029.
    private static func splitFirst(
        _ text: Substring.UTF8View
    ) -> (line: Substring.UTF8View, rest: Substring.UTF8View) {
        var index = text.startIndex
        while index < text.endIndex {
            let length = breakLength(text[index...])
            if length > 0 { return (text[..<index], text[text.index(index, offsetBy: length)...]) }
            text.formIndex(after: &index)
        }
        return (text, text[text.endIndex...])
    }

    /// How many bytes the line break takes that `text` begins with; 0 if it begins with none.
    private static func breakLength(_ text: Substring.UTF8View) -> Int {
        switch text.first {
        case 0x0D: text.starts(with: [0x0D, 0x0A]) ? 2 : 1
        case 0x0A, 0x0B, 0x0C, 0x1C, 0x1D, 0x1E: 1
        case 0xC2: text.starts(with: [0xC2, 0x85]) ? 2 : 0
        case 0xE2: text.starts(with: [0xE2, 0x80, 0xA8]) || text.starts(with: [0xE2, 0x80, 0xA9]) ? 3 : 0
        default: 0
        }
    }
}
