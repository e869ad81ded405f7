private import SystemSupport

/// One line of XPUTimer's page that says whether a rank hangs, as DLRover's hang detector must find it. What a master gets and what
/// raises the alarm on a node both go by it.
///
/// The detector (`CheckTrainingHangOperator` in DLRover 0.6.1's `check_training_hang_operator.py`) takes each line that begins with the
/// name for one rank's, and the last number on it for the value: `1.0` reads as 0, and a timestamp hides the value.
package struct HangLine {
    package static let name = "XPU_TIMER_COMMON_HANG"

    /// What a line is to the detector.
    package enum Kind {
        case hang(HangLine)
        /// A line of another metric whose name begins the same: the detector would count it as a rank.
        case lookalike
        /// A line of the hang metric that is not in the Prometheus text format, or has another value than 0 and 1.
        case unusable
        case other
    }

    /// The braces and what they hold, as they came; empty if there are none.
    let labels: Substring.UTF8View
    package let isHung: Bool

    /// The line as it is sent to a master.
    package var text: String { "\(Self.name)\(Substring(labels)) \(isHung ? 1 : 0)" }

    /// - Parameter text: one of `PythonLines`.
    package static func kind(of text: Substring.UTF8View) -> Kind {
        var line = PrometheusLine(text)
        line.skipSpaces()
        guard line.rest.starts(with: name.utf8) else { return .other }
        guard line.takeName(allowsColon: true) == name else { return .lookalike }
        line.skipSpaces()
        let afterName = line.rest
        guard line.takeLabels() != nil else { return .unusable }
        let labels = afterName[..<line.rest.startIndex]
        line.skipSpaces()
        guard let value = line.takeWord().flatMap({ Double($0) }), value == 0 || value == 1 else { return .unusable }
        line.skipSpaces()
        if let timestamp = line.takeWord() {
            guard Double(timestamp) != nil else { return .unusable }
            line.skipSpaces()
        }
        return line.isAtEnd ? .hang(HangLine(labels: labels, isHung: value == 1)) : .unusable
    }
}

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
