internal import Glibc

/// Events of several lines stay in one chunk, and what a container runtime wrote around lines is taken off.
extension LogFollower {
    /// How long an event that goes on and on may hold up the lines of its file.
    static let longestHold: Duration = .seconds(5)
    /// How long the rest of an event is waited for in a file where a line without its end waits for ever.
    private static let eventQuietTime: Duration = .seconds(2)

    /// Where the whole lines in the buffer are cut into chunks.
    ///
    /// - Returns: how many bytes make the next chunk; `nil` to wait for the rest of an event.
    mutating func eventCut(now: ContinuousClock.Instant, isLast: Bool) -> Int? {
        let length = wholeLines()
        noteFormat(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<length]))
        if case .cut(let count) = cutPoint(in: length, isEnd: false) { return released(count) }
        // A long line behind the event is not read for its sake.
        let isFull = buffer.count > blocks.hardLimit
        if hole == 0, !isFull, fill() {
            lastRead = now
            return eventCut(now: now, isLast: isLast)
        }
        let quietTime = configuration.quietTime ?? Self.eventQuietTime
        let since = heldSince ?? now
        let mayWait =
            !isLast && !isFull && hole == 0 && phase == .following && !isQuietlyUnlinked && now - lastRead < quietTime
            && now - since < Self.longestHold
        guard mayWait else {
            guard case .cut(let count) = cutPoint(in: length, isEnd: true) else { return nil }
            return released(count)
        }
        heldSince = since
        endSeen = readOffset
        return nil
    }

    private mutating func released(_ count: Int) -> Int {
        heldSince = nil
        return count
    }

    private mutating func cutPoint(in length: Int, isEnd: Bool) -> CutDecision {
        blocks.cutPoint(
            in: UnsafeRawBufferPointer(rebasing: buffer.bytes[..<length]), limit: cutter.chunkBytes + 1, isEnd: isEnd)
    }

    /// How many bytes at the front are whole lines.
    private func wholeLines() -> Int {
        buffer.bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    }

    /// Looks at the first line that is read of a file, which tells whether a container runtime writes it.
    private mutating func noteFormat(_ lines: UnsafeRawBufferPointer) {
        guard isContainerFile == nil else { return }
        let isContainer = configuration.containers == .detect && ContainerText.isContainerFile(lines)
        isContainerFile = isContainer
        blocks.isContainerFile = isContainer
    }

    static func newlines(in bytes: UnsafeRawBufferPointer) -> Int {
        var count = 0
        var rest = bytes
        while let base = rest.baseAddress, let found = memchr(base, 0x0A, rest.count) {
            count += 1
            rest = UnsafeRawBufferPointer(rebasing: rest[(UnsafeRawPointer(found) - base + 1)...])
        }
        return count
    }
}
