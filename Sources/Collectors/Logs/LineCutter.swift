public import Diagnosis
internal import Glibc

/// Decides how much from the front of the bytes makes the next chunk. Only `\n` ends a line.
struct LineCutter {
    enum Cut: Equatable {
        /// Whole lines, their final newline counted in `byteCount`.
        case lines(byteCount: Int, lineCount: Int)
        /// The beginning of a line that is longer than allowed.
        case piece(byteCount: Int)
        /// No line ends here yet.
        case incomplete
    }

    /// The most content of a chunk of several lines, without its final newline.
    let chunkBytes: Int
    /// The most bytes of one line, without its newline. A longer one is cut.
    let maxLineBytes: Int
    /// How many bytes from the front are known to hold no newline, so that a line that grows bit by bit is not searched over and over.
    private var searched = 0

    init(chunkBytes: Int, maxLineBytes: Int) {
        self.chunkBytes = max(1, chunkBytes)
        self.maxLineBytes = max(4, maxLineBytes)
    }

    /// Must be called when bytes were consumed at the front.
    mutating func reset() {
        searched = 0
    }

    mutating func cut(_ bytes: UnsafeRawBufferPointer) -> Cut {
        guard let base = bytes.baseAddress else { return .incomplete }
        var lineStart = 0
        var lineCount = 0
        while lineStart < bytes.count {
            // The first line may be as long as a line may be, the others must fit into the chunk.
            let limit = lineCount == 0 ? lineStart + maxLineBytes : min(lineStart + maxLineBytes, chunkBytes)
            let searchEnd = min(bytes.count, limit + 1)
            let from = lineCount == 0 ? min(max(lineStart, searched), searchEnd) : lineStart
            guard searchEnd > from, let found = memchr(base + from, 0x0A, searchEnd - from) else {
                if lineCount > 0 { break }
                searched = searchEnd
                return bytes.count > maxLineBytes ? .piece(byteCount: pieceLength(bytes)) : .incomplete
            }
            lineStart = UnsafeRawPointer(found) - base + 1
            lineCount += 1
            if lineStart > chunkBytes { break }
        }
        return lineCount == 0 ? .incomplete : .lines(byteCount: lineStart, lineCount: lineCount)
    }

    /// At most `maxLineBytes`, and fewer where a UTF-8 character would be torn: one has at most three bytes after its first.
    private func pieceLength(_ bytes: UnsafeRawBufferPointer) -> Int {
        for length in (maxLineBytes - 3...maxLineBytes).reversed() where bytes[length] & 0xC0 != 0x80 {
            return length
        }
        return maxLineBytes
    }
}

/// Whole lines of a log: what `LogCollector` collects in a round, or a text of your own to report as log lines.
public struct LogChunk: Sendable, Hashable {
    /// The lines joined by newlines, without the final one; so it is empty if the chunk is a single empty line.
    /// Bytes that are no UTF-8 have become U+FFFD.
    public let content: String
    /// How many lines `content` holds. A piece of a line that is too long counts as one.
    public let lineCount: Int
    /// How many bytes of the file it stands for; repaired or marked content is longer.
    public let byteCount: Int
    /// Where reading goes on once this is reported. `nil` in a text of your own.
    public let position: SourcePosition?
    /// The same for the follower that made it.
    let span: LogSpan?
    /// Where in which file it stood. `nil` in a text of your own.
    package let origin: MetricOrigin?

    /// Makes a chunk of a text that comes from no file: it is reported and moves no position.
    public init(content: String) {
        self.content = content
        lineCount = content.utf8.reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
        byteCount = content.utf8.count
        position = nil
        span = nil
        origin = nil
    }

    init(content: String, lineCount: Int, position: SourcePosition, span: LogSpan, origin: MetricOrigin?) {
        self.content = content
        self.lineCount = lineCount
        byteCount = Int(span.end - span.start)
        self.position = position
        self.span = span
        self.origin = origin
    }
}

extension LogChunk: ExpressibleByStringLiteral {
    /// A chunk without a position, for programs that report a text of their own.
    public init(stringLiteral content: String) {
        self.init(content: content)
    }
}
