internal import LogText

/// The lines from a place on, as a traceback's reader sees them: without a container runtime's envelope and colours; what a structured log or
/// `repr` writes with `\n` is several.
struct TracebackLines {
    /// One line, or a part of one.
    struct Line {
        /// Where the whole line is, in bytes.
        let range: Range<Int>
        let text: [UInt8]
        /// Whether the text is a part of a longer line.
        let isWritten: Bool
    }

    /// How many parts of a line are read.
    private static let mostParts = 400

    private let bytes: UnsafeRawBufferPointer
    private var position: Int
    private var parts: [Line] = []

    /// - Parameter start: where a line starts.
    init(_ bytes: UnsafeRawBufferPointer, from start: Int) {
        self.bytes = bytes
        position = start
    }

    mutating func next() -> Line? {
        if let part = parts.popLast() { return part }
        guard position < bytes.count else { return nil }
        var end = position
        while end < bytes.count, !LineBounds.isEnd(bytes[end]) { end += 1 }
        let range = position..<end
        position = end + 1
        // Two bytes end a line of Windows.
        if end + 1 < bytes.count, bytes[end] == 0x0D, bytes[end + 1] == 0x0A { position += 1 }
        let text = ProgramText.plain(UnsafeRawBufferPointer(rebasing: bytes[range.prefix(RuleMatcher.longestLine * 4)]))
        guard Self.isWrittenTraceback(text) else {
            return Line(range: range, text: JournalEntry.message(of: text) ?? text, isWritten: false)
        }
        parts = Self.parts(of: text).reversed().map { Line(range: range, text: $0, isWritten: true) }
        return parts.popLast()
    }

    private static let written = ["Traceback (most recent call last):\\n", TracebackReader.writtenFrame].map {
        Array($0.utf8)
    }

    private static func isWrittenTraceback(_ text: [UInt8]) -> Bool {
        text.withUnsafeBytes { bytes in
            written.contains { ByteText.find($0, in: bytes, ignoresCase: false) != nil }
        }
    }

    /// What stands between the line ends, with quotation marks as they were; the string's own end ends the last one.
    private static func parts(of text: [UInt8]) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var part: [UInt8] = []
        var index = 0
        while index < text.count, parts.count < mostParts {
            let byte = text[index]
            if byte == 0x5C, index + 1 < text.count {
                switch text[index + 1] {
                case UInt8(ascii: "n"):
                    parts.append(part)
                    part = []
                case let escaped where escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "'") || escaped == 0x5C:
                    part.append(escaped)
                default: part += [byte, text[index + 1]]
                }
                index += 2
                continue
            }
            if byte == UInt8(ascii: "\""), !parts.isEmpty { break }
            part.append(byte)
            index += 1
        }
        parts.append(part)
        return parts
    }
}

/// What stands before each line of a traceback.
struct TracebackPrefix {
    private let text: [UInt8]
    /// Whether digits may differ from line to line, as those of a time do.
    private let isShape: Bool
    /// Who writes, as far as a launcher's prefix tells.
    let writer: UInt64
    let rank: Int?

    init(_ text: some Sequence<UInt8>, isShape: Bool) {
        self.text = Array(text)
        self.isShape = isShape
        let prefix = self.text.withUnsafeBytes { LinePrefix($0) }
        (writer, rank) = (prefix.writer, prefix.rank)
    }

    /// The prefix of one writer; empty if it changes from line to line, or is a margin.
    var writersOwn: [UInt8] { isShape || isIndent ? [] : text }
    /// Whether it is nothing but a margin.
    var isIndent: Bool { !text.isEmpty && text.allSatisfy { $0 == 0x20 } }
    var count: Int { text.count }
    /// Where the program's text starts in a line with this prefix; `nil` if it has another one.
    func end(in line: [UInt8]) -> Int? {
        guard isShape else {
            if line.starts(with: text) { return text.count }
            // An empty line may lack the spaces.
            let bare = text.prefix { $0 != 0x20 }.isEmpty ? 0 : text.count - text.reversed().prefix { $0 == 0x20 }.count
            return line.count == bare && text.starts(with: line) ? line.count : nil
        }
        var index = 0
        var own = 0
        while own < text.count {
            if Self.isDigit(text[own]) {
                guard index < line.count, Self.isDigit(line[index]) else { return nil }
                while own < text.count, Self.isDigit(text[own]) { own += 1 }
                while index < line.count, Self.isDigit(line[index]) { index += 1 }
            } else {
                guard index < line.count, line[index] == text[own] else { return nil }
                index += 1
                own += 1
            }
        }
        guard writer == 0 || line.withUnsafeBytes({ LinePrefix($0).writer }) == writer else { return nil }
        return index
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
}
