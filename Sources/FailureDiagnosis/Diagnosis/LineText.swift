internal import LogText

/// A line as it is shown, and the rank in its prefix.
enum LineText {
    /// How much of a line is shown, in bytes, and how much of that stands before what the rule matches.
    static let maximumBytes = 1000
    private static let bytesBefore = 120

    /// The line's text without white space at its end, a container's envelope and escape sequences; control characters are written out, and
    /// bytes that are not UTF-8 are replaced. Of a long line it is what stands around the match, with `…` where it was cut.
    ///
    /// - Parameter line: the line in `bytes`, or a part of it around the match.
    static func shown(_ line: Range<Int>, in bytes: UnsafeRawBufferPointer, rule: Int, _ matcher: RuleMatcher) -> String
    {
        let part = LinePart(line, in: bytes)
        let text = EscapeSequences.stripWritten(ProgramText.shown(part.bytes))
        guard part.isCut || text.utf8.count > maximumBytes else { return text }
        let position = matcher.position(of: rule, in: Array(text.utf8))
        let lower = max(0, min(position - bytesBefore, text.utf8.count - maximumBytes))
        let shown = characters(of: text, from: lower, upTo: lower + maximumBytes)
        let (before, after) = (shown.startIndex > text.startIndex, shown.endIndex < text.endIndex)
        return (before || part.isCutBefore ? "…" : "") + shown + (after || part.isCutAfter ? "…" : "")
    }

    /// The whole characters between two places, in bytes.
    private static func characters(of text: String, from lower: Int, upTo upper: Int) -> Substring {
        var (position, start, index) = (0, text.startIndex, text.startIndex)
        while index < text.endIndex {
            let next = text.index(after: index)
            let count = text.utf8.distance(from: index, to: next)
            if position + count > upper { break }
            position += count
            index = next
            if position <= lower { start = next }
        }
        return text[start..<index]
    }

    /// The rank in the line's prefix: PyTorch writes `[rank3]`, its launcher `[default3]`, srun `3: `; `LinePrefix` lists others.
    static func rank(of line: UnsafeRawBufferPointer) -> Int? {
        let head = UnsafeRawBufferPointer(rebasing: line[..<min(line.count, 96)])
        for prefix in ["[rank", "[default"] {
            guard let found = ByteText.find(Array(prefix.utf8), in: head, ignoresCase: false) else { continue }
            var text = TimeReader(bytes: head, index: found + prefix.utf8.count)
            if let rank = text.number(), text.consume(oneOf: "]") != nil { return rank }
        }
        return ProgramText(line).rank
    }
}

/// A line, or the part of a long one around a match, whose ends split neither a character nor an escape sequence.
private struct LinePart {
    /// How long an escape sequence before the part may be, in bytes.
    private static let longestSequence = 64

    let bytes: UnsafeRawBufferPointer
    let isCutBefore: Bool
    let isCutAfter: Bool

    var isCut: Bool { isCutBefore || isCutAfter }

    init(_ line: Range<Int>, in block: UnsafeRawBufferPointer) {
        var (start, end) = (line.lowerBound, line.upperBound)
        isCutBefore = start > 0 && !LineBounds.isEnd(block[start - 1])
        isCutAfter = end < block.count && !LineBounds.isEnd(block[end])
        if isCutBefore {
            // With its beginning, the rest of a sequence is recognized as one.
            let before = max(0, start - Self.longestSequence)..<start
            if let escape = block[before].lastIndex(of: 0x1B), !block[escape..<start].contains(where: LineBounds.isEnd)
            {
                start = escape
            }
            while start < end, block[start] & 0xC0 == 0x80 { start += 1 }
        }
        if isCutAfter {
            var last = end
            while last > start, end - last < 4, block[last - 1] & 0xC0 == 0x80 { last -= 1 }
            // The first byte of a character that goes on behind the part.
            if block[end] & 0xC0 == 0x80, last > start, block[last - 1] >= 0xC0 { end = last - 1 }
        } else {
            while end > start, block[end - 1] == 0x20 || block[end - 1] == 0x0D { end -= 1 }
        }
        bytes = UnsafeRawBufferPointer(rebasing: block[start..<end])
    }
}
