public import Diagnosis

/// Whole lines of a log: what `LogCollector` collects at a time, or a text of the user's own to report as log.
public struct LogChunk: Sendable, Hashable {
    /// The lines joined by newlines, without the final one; so it is empty if the chunk is a single empty line.
    /// Bytes that are no UTF-8 have become U+FFFD.
    public let content: String
    /// How many lines `content` holds. A piece of a line that is too long counts as one.
    public let lineCount: Int
    /// How many bytes of the file it stands for; content that had to be repaired or marked is longer.
    public let byteCount: Int
    /// Where the file is read on once this is reported. `nil` in a text of the user's own.
    public let position: SourcePosition?
    /// The same for the follower that made it.
    let span: LogSpan?

    /// A text that comes from no file: it is reported and moves no position.
    public init(content: String) {
        self.content = content
        lineCount = content.utf8.reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
        byteCount = content.utf8.count
        position = nil
        span = nil
    }

    init(content: String, lineCount: Int, position: SourcePosition, span: LogSpan) {
        self.content = content
        self.lineCount = lineCount
        byteCount = Int(span.end - span.start)
        self.position = position
        self.span = span
    }
}

extension LogChunk: ExpressibleByStringLiteral {
    public init(stringLiteral content: String) {
        self.init(content: content)
    }
}
