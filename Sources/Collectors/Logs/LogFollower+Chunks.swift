internal import Diagnosis
internal import Logging
internal import SystemSupport

/// Chunks of the buffer's bytes.
extension LogFollower {
    /// The buffer's first bytes as a chunk.
    ///
    /// - Parameters:
    ///   - newline: how many of them end the last line.
    ///   - lineCount: how many lines they are.
    ///   - line: what the chunk tells of the line at its end.
    ///   - part: the bytes that are reported of them; all, if `nil`.
    mutating func chunk(
        byteCount: Int, dropping newline: Int = 0, lineCount: Int = 1, mark: String = "",
        line state: LineState = .begins,
        part: Range<Int>? = nil
    ) -> LogChunk? {
        guard var position = position(after: byteCount) else { return nil }
        position.line = state
        var raw = UnsafeRawBufferPointer(rebasing: buffer.bytes[part ?? 0..<byteCount - newline])
        if offset == 0, part == nil { raw = UnsafeRawBufferPointer(rebasing: ByteOrderMark.dropped(from: raw)) }
        let text = LineRewriting(raw, lineCount: lineCount, isContainerFile: isContainerFile ?? false, rules: rules)
        skippedNulls.count(text.nulls)
        var content = text.content
        if line == .afterQuietPiece { content = Self.continuedMark + content }
        // Appending nothing would copy it all.
        if !mark.isEmpty { content += mark }
        tellNulls()
        var origin = MetricOrigin(
            path: path, device: position.identity.device, inode: position.identity.inode, firstOffset: offset,
            endOffset: position.offset, lines: text.lineCount)
        if let container = text.container { origin.add(container) }
        return LogChunk(
            content: content, lineCount: text.lineCount, position: SourcePosition(key: key, bytes: position.bytes),
            span: LogSpan(generation: generation, start: offset, end: position.offset, line: state), origin: origin)
    }

    private mutating func tellNulls() {
        guard let count = skippedNulls.due() else { return }
        logger.warning(
            """
            The log has a hole or a run of NUL characters; they are left out. (A writer that does not append goes on at its old place after \
            the log was truncated.)
            """,
            metadata: ["bytes": "\(count)", "offset": "\(offset)"])
    }

    mutating func warnOfLongLine() {
        guard !warnedOfLongLine else { return }
        warnedOfLongLine = true
        logger.warning(
            "A line of the log is longer than allowed and is sent in pieces.",
            metadata: ["offset": "\(offset)", "maxLineBytes": "\(cutter.maxLineBytes)"])
    }
}
