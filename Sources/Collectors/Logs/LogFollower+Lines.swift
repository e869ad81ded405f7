internal import Glibc
internal import LogText
internal import SystemSupport

/// Lines that are not whole yet, and bytes that are in no line.
extension LogFollower {
    /// Passes what stands at the front and is no content: the end of a line that was reported already, and NULs.
    mutating func skipFront() {
        skipLineEnd()
        guard let first = buffer.bytes.first else { return }
        guard first == 0 else {
            isInHole = false
            return
        }
        let nulls = ContentRules.leadingNulls(buffer.bytes)
        guard nulls >= ContentRules.leastHole || isInHole else { return }
        buffer.consume(nulls)
        skipNulls(UInt64(nulls))
        skipLineEnd()
    }

    private mutating func skipLineEnd() {
        guard line == .afterQuietPiece || line == .afterProgress else { return }
        let bytes = buffer.bytes
        if bytes.first == 0x0A {
            skip(1)
        } else if bytes.count > 1, bytes[0] == 0x0D, bytes[1] == 0x0A {
            skip(2)
        }
    }

    /// What stands before the hole that follows the buffer; `nil` once the hole is passed. NULs at the buffer's end are part of it.
    mutating func lineBeforeHole() -> LogChunk? {
        let content = buffer.bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        if content > 0 { return chunk(byteCount: content, line: .afterProgress) }
        let nulls = UInt64(buffer.count)
        buffer.consume(buffer.count)
        skipNulls(nulls + hole)
        hole = 0
        return nil
    }

    /// Moves on past bytes that are no content. They are passed again after a restart, until a chunk behind them is reported.
    private mutating func skip(_ count: Int) {
        confirmedTail = (lastBytes(before: count), offset + UInt64(count))
        buffer.consume(count)
        offset += UInt64(count)
        line = .begins
        cutter.reset()
        blocks.reset()
    }

    mutating func skipNulls(_ count: UInt64) {
        skippedNulls.count(Int(clamping: count))
        isInHole = buffer.count == 0
        offset += count
        // It has ended the line before it; that line's own end may still come.
        if line != .begins { line = .afterProgress }
        cutter.reset()
        blocks.reset()
    }

    /// What is there of a line, once its file has been quiet, and now and then the state of a progress bar that still moves.
    mutating func unfinishedLine(now: ContinuousClock.Instant, isLast: Bool) -> LogChunk? {
        guard buffer.count > 0 else { return nil }
        // It ends the line before it, which no bar behind it may take along.
        if let hole = ContentRules.firstHole(buffer.bytes) { return chunk(byteCount: hole, line: .afterProgress) }
        let isQuiet = isLast || configuration.quietTime.map { now - lastRead >= $0 } ?? false
        if !keepsCarriageReturns, ContentRules.hasReturn(buffer.bytes) {
            if isQuiet {
                lastProgress = now
                let length = Self.wholeCharacters(buffer.bytes)
                guard let state = ContentRules.lastState(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<length]))
                else { return nil }
                return chunk(byteCount: length, line: .afterProgress, part: state)
            }
            // What follows the last return may still be growing, and a return at the end may be the first half of a line's end.
            guard let end = buffer.bytes.dropLast().lastIndex(of: 0x0D),
                let state = ContentRules.lastState(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<end])),
                lastProgress.map({ now - $0 >= configuration.progressInterval }) ?? true
            else {
                _ = skipOldStates()
                return nil
            }
            lastProgress = now
            return chunk(byteCount: end, line: .afterProgress, part: state)
        }
        guard isQuiet else { return nil }
        let length = Self.wholeCharacters(buffer.bytes)
        return length > 0 ? chunk(byteCount: length, line: .afterQuietPiece) : nil
    }

    /// Whether returns within a line are no states of a progress bar here: a runtime's line is the program's only once it is whole.
    private var keepsCarriageReturns: Bool {
        rules.keepsCarriageReturns
            || isContainerFile
                ?? (configuration.containers == .detect && ContainerLine.criPayloadStart(buffer.bytes) != nil)
    }

    /// Forgets the states of a progress bar but for the last, so that a bar of any length takes little memory.
    ///
    /// - Returns: whether there was any.
    mutating func skipOldStates() -> Bool {
        guard !keepsCarriageReturns, buffer.count > cutter.chunkBytes, ContentRules.hasReturn(buffer.bytes),
            ContentRules.firstHole(buffer.bytes) == nil,
            let end = buffer.bytes.lastIndex(of: 0x0D),
            let state = ContentRules.lastState(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<end])),
            state.lowerBound > 0
        else { return false }
        skip(state.lowerBound)
        line = .afterProgress
        return true
    }

    /// How many bytes at the front are whole characters; at the end of a file, the rest of one may still come.
    private static func wholeCharacters(_ bytes: UnsafeRawBufferPointer) -> Int {
        for back in 1...3 where back <= bytes.count {
            let byte = bytes[bytes.count - back]
            guard byte & 0xC0 != 0x80 else { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > back ? bytes.count - back : bytes.count
        }
        return bytes.count
    }
}
