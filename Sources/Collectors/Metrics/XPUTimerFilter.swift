/// What DLRover's agent keeps of an XPUTimer page (`dlrover/python/elastic_agent/datacollector/xpu_timer_metric_collector.py`):
/// lines that begin with neither `#` nor `exposer`, case-sensitive and untrimmed, joined by newlines. Empty lines stay.
enum XPUTimerFilter {
    static func apply(to page: String) -> String {
        var kept: [Substring.UTF8View] = []
        var rest = page[...].utf8
        while !rest.isEmpty {
            let (line, following) = splitLine(rest)
            if !line.starts(with: "#".utf8), !line.starts(with: "exposer".utf8) { kept.append(line) }
            rest = following
        }
        return String(decoding: Array(kept.joined(separator: "\n".utf8)), as: UTF8.self)
    }

    /// Whether the filtered page has anything on it. DLRover's agent sends a page of empty lines; to its master that is a sample without
    /// a hang line, which counts as a hang, so here it is as empty as an empty one.
    static func isEmpty(_ page: String) -> Bool {
        page.utf8.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
    }

    /// Splits after the first line, where Python's `str.splitlines()` does: after `\n`, `\r`, `\r\n`, `\v`, `\f`, U+001C to U+001E, U+0085,
    /// U+2028 and U+2029.
    private static func splitLine(_ text: Substring.UTF8View) -> (line: Substring.UTF8View, rest: Substring.UTF8View) {
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
