/// What became of a block of lines. Its pieces follow each other without a gap: every byte is in exactly one.
package struct ShedBlock: Sendable {
    /// Lines that follow each other and were left out. Add the block's own offset to `bytes` to tell the range in the file.
    package struct Gap: Hashable, Sendable {
        package let bytes: Range<Int>
        package let lineCount: Int
        let first: Range<Int>
        let last: Range<Int>
    }

    package enum Piece: Hashable, Sendable {
        case kept(Range<Int>)
        /// Repetitions of the kept line before them, but for numbers.
        case repeated(Gap)
        case leftOut(Gap)
    }

    package let pieces: [Piece]
    let wallClock: Int64

    package var gaps: [Gap] {
        pieces.compactMap { piece in
            switch piece {
            case .kept: nil
            case .repeated(let gap), .leftOut(let gap): gap
            }
        }
    }

    /// Whether nothing was left out: the block can be used as it is.
    package var isComplete: Bool { gaps.isEmpty }

    /// The kept lines, and a mark for each gap.
    package func text(of lines: UnsafeRawBufferPointer) -> [UInt8] {
        var text: [UInt8] = []
        for piece in pieces {
            switch piece {
            case .kept(let range): text.append(contentsOf: lines[range])
            case .repeated(let gap):
                let (first, last) = (time(of: gap.first, in: lines), time(of: gap.last, in: lines))
                append("[arobust: repeated \(gap.lineCount) times, \(first) to \(last)]", to: &text)
            case .leftOut(let gap):
                let noun = gap.lineCount == 1 ? "line" : "lines"
                append("[arobust: \(gap.lineCount) \(noun) (\(gap.bytes.count) bytes) left out: rate limit]", to: &text)
            }
        }
        return text
    }

    private func append(_ mark: String, to text: inout [UInt8]) {
        if let last = text.last, last != 0x0A { text.append(0x0A) }
        text.append(contentsOf: mark.utf8)
        text.append(0x0A)
    }

    /// The line's own `10:00:01`, or when it was read (UTC).
    private func time(of line: Range<Int>, in lines: UnsafeRawBufferPointer) -> String {
        let bytes = UnsafeRawBufferPointer(rebasing: lines[line].prefix(80))
        for start in 0..<max(0, bytes.count - 7) where bytes[start + 2] == 0x3A && bytes[start + 5] == 0x3A {
            if [0, 1, 3, 4, 6, 7].allSatisfy({ isDigit(bytes[start + $0]) }) {
                return String(decoding: bytes[start..<(start + 8)], as: UTF8.self)
            }
        }
        let second = Int(((wallClock % 86400) + 86400) % 86400)
        return [second / 3600, second / 60 % 60, second % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(
            separator: ":")
    }
}
