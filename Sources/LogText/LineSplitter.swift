/// Splits a content that is too long for one report at its line ends.
package struct LineSplitter {
    /// The pieces; each was between newlines, which are not in it. Never empty.
    package private(set) var parts: [ArraySlice<UInt8>] = []
    /// Whether a line was longer than a report and lost its end.
    package private(set) var hasCutLine = false

    private let content: ArraySlice<UInt8>
    private let limit: Int
    /// Where the part that is being collected begins.
    private var partStart: Int
    /// Where its last whole line ends; `nil` if it has none yet.
    private var partEnd: Int?

    /// The least `limit`: room for a marker and one character.
    package static let leastLimit = 64

    /// Splits `content`, the inside of a JSON string that has been checked.
    ///
    /// - Parameter limit: the most bytes of a part; `leastLimit` or more.
    package init(_ content: ArraySlice<UInt8>, limit: Int) {
        self.content = content
        self.limit = limit
        partStart = content.startIndex
        var lineStart = content.startIndex
        while let (end, next) = lineEnd(from: lineStart) {
            addLine(lineStart..<end, next: next)
            lineStart = next
        }
        addLine(lineStart..<content.endIndex, next: content.endIndex)
        closePart(next: content.endIndex)
        if parts.isEmpty { parts = [content[content.endIndex...]] }
    }

    /// Where the line that begins at `start` ends and the next one begins; `nil` for the last line.
    private func lineEnd(from start: Int) -> (end: Int, next: Int)? {
        var index = start
        while let backslash = content[index...].firstIndex(of: UInt8(ascii: "\\")) {
            let unit = EscapedUnit(at: backslash, in: content)
            index = backslash + unit.length
            if unit.isNewline { return (backslash, index) }
        }
        return nil
    }

    private mutating func addLine(_ line: Range<Int>, next: Int) {
        if line.upperBound - partStart <= limit {
            partEnd = line.upperBound
            return
        }
        closePart(next: line.lowerBound)
        if line.count <= limit {
            partEnd = line.upperBound
        } else {
            parts.append(cut(line))
            hasCutLine = true
            partStart = next
        }
    }

    /// Ends the part; the next one begins at `next`.
    private mutating func closePart(next: Int) {
        if let end = partEnd, end > partStart { parts.append(content[partStart..<end]) }
        partStart = next
        partEnd = nil
    }

    /// The line's beginning and how much of it is missing, `limit` bytes at most.
    private func cut(_ line: Range<Int>) -> ArraySlice<UInt8> {
        let room = limit - Self.marker(line.count).utf8.count
        var end = line.lowerBound
        while true {
            let unit = EscapedUnit(at: end, in: content)
            guard end + unit.length - line.lowerBound <= room else { break }
            end += unit.length
        }
        var missing = 0
        var index = end
        while index < line.upperBound {
            let unit = EscapedUnit(at: index, in: content)
            missing += unit.plainLength
            index += unit.length
        }
        return ArraySlice(Array(content[line.lowerBound..<end]) + Self.marker(missing).utf8)
    }

    /// Plain ASCII without what JSON escapes.
    private static func marker(_ bytes: Int) -> String {
        " [arobust: \(bytes) more bytes are cut]"
    }
}
