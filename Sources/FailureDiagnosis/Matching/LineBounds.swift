/// Where lines begin and end.
enum LineBounds {
    /// The line around a position, without its end. A carriage return ends a line too: progress bars end theirs so.
    ///
    /// - Parameter limit: how many bytes of the line are taken at most, half of them on either side.
    static func line(in bytes: UnsafeRawBufferPointer, around position: Int, limit: Int) -> Range<Int> {
        let first = max(0, position - limit / 2)
        let last = min(bytes.count, position + limit / 2)
        var start = position
        while start > first, !isEnd(bytes[start - 1]) { start -= 1 }
        var end = position
        while end < last, !isEnd(bytes[end]) { end += 1 }
        return start..<end
    }

    /// The lines by position, each once.
    static func inOrder(_ lines: [Range<Int>]) -> [Range<Int>] {
        let isOrdered = zip(lines, lines.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound }
        if isOrdered { return lines }
        var ordered: [Range<Int>] = []
        for line in lines.sorted(by: { $0.lowerBound < $1.lowerBound })
        where (ordered.last?.upperBound ?? 0) <= line.lowerBound {
            ordered.append(line)
        }
        return ordered
    }

    static func isEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }
}
