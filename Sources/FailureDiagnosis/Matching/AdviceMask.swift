/// Hides what torch adds to its errors as advice, so that the rest of the line is still searched: in a structured log the error and its
/// advice are one line.
struct AdviceMask {
    private let texts: [[UInt8]]

    init(_ texts: [String]) {
        self.texts = texts.map { Array($0.utf8) }
    }

    /// The line with each sentence blank that contains one of the texts; `nil` if none does.
    func masked(_ line: UnsafeRawBufferPointer) -> [UInt8]? {
        var masked: [UInt8]?
        for text in texts {
            guard let found = ByteText.find(text, in: line, ignoresCase: false) else { continue }
            var bytes = masked ?? Array(line)
            for index in Self.sentence(around: found..<(found + text.count), in: line) { bytes[index] = 0x20 }
            masked = bytes
        }
        return masked
    }

    /// A sentence ends with a full stop and a space, or with a line's end as JSON writes it.
    private static func sentence(around part: Range<Int>, in line: UnsafeRawBufferPointer) -> Range<Int> {
        var (start, end) = (part.lowerBound, part.upperBound)
        while start > 0, !endsSentence(before: start, in: line) { start -= 1 }
        while end < line.count, !endsSentence(before: end, in: line), !isWrittenEnd(at: end, in: line) { end += 1 }
        return start..<end
    }

    private static func endsSentence(before position: Int, in line: UnsafeRawBufferPointer) -> Bool {
        guard position >= 2 else { return false }
        let (first, second) = (line[position - 2], line[position - 1])
        return first == UInt8(ascii: ".") && second == 0x20 || first == 0x5C && second == UInt8(ascii: "n")
    }

    private static func isWrittenEnd(at position: Int, in line: UnsafeRawBufferPointer) -> Bool {
        line[position] == 0x5C && position + 1 < line.count && line[position + 1] == UInt8(ascii: "n")
    }
}
