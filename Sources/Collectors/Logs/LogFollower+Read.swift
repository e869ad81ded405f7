internal import Glibc
internal import Logging
internal import SystemPackage
internal import SystemSupport

extension LogFollower {
    /// Whether the path names something, or a file is open whose rest is still to be read. `next()` complains of what is no regular file.
    mutating func hasSource() -> Bool {
        if file != nil { return true }
        do {
            _ = try FileStatus(path: path)
            return true
        } catch {
            guard error.code == .noSuchFileOrDirectory else { return true }
            noteMissing()
            if case .stored = nextStart { return true }
            return false
        }
    }

    /// Looks at what the path names now: opens it, or notes whether the open file was changed, replaced or removed.
    mutating func look() {
        do {
            let status = try FileStatus(path: path)
            guard status.isRegular else { return refuse(status) }
            if let file {
                if file.identity == status.identity {
                    isReplaced = false
                    if phase == .finishing { phase = .following }
                    try noteGrowth(status)
                } else {
                    try noteReplacement(hasContent: status.size > 0)
                }
            } else {
                try openFile()
            }
            if problems.solve() {
                logger.info("The log can be read again.")
            }
        } catch  where error.code == .noSuchFileOrDirectory {
            noteMissing()
            guard file != nil else {
                if case .stored(let position) = nextStart { _ = openOldFile(position) }
                return
            }
            do { try noteReplacement(hasContent: false) } catch { logProblem(error) }
        } catch {
            logProblem(error)
        }
    }

    /// Reads the next block if the file has grown.
    ///
    /// - Returns: whether anything was read.
    mutating func fill() -> Bool {
        guard let file, let known, phase != .draining, hole == 0, known.size > readOffset else { return false }
        do {
            if needsCheck {
                guard try hasSameContent(file) else {
                    noteTruncation(size: known.size, unread: 0)
                    return false
                }
                needsCheck = false
            }
            modified = known.modified
            let offset = readOffset
            let room = Int(min(UInt64(max(4096, configuration.readBytes)), known.size - offset))
            let count = try buffer.fill(room: room) { (bytes) throws(SystemCallError) in
                try file.read(into: bytes, at: offset)
            }
            turnBytes += count
            if let length = holeLength(in: file, readAt: offset, count: count, size: known.size) {
                buffer.removeLast(count)
                hole = length
                rememberHead(repeatElement(0, count: Int(min(length, UInt64(FileMark.length)))), at: offset)
            } else {
                remember(buffer.bytes.suffix(count), at: offset)
            }
            return count > 0
        } catch {
            // The next round opens it again, as a network file system's handle may have gone stale, and goes on at the confirmed place.
            logProblem(error)
            if let place = position(after: 0) {
                leaveFile()
                nextStart = .stored(place)
            }
            return false
        }
    }

    /// The length of a hole that fills the bytes that were read last, and perhaps more behind them.
    private func holeLength(in file: LogFile, readAt offset: UInt64, count: Int, size: UInt64) -> UInt64? {
        let block = UnsafeRawBufferPointer(rebasing: buffer.bytes.suffix(count))
        guard count >= ContentRules.leastHole, block[0] == 0, block[count - 1] == 0,
            ContentRules.leadingNulls(block) == count
        else { return nil }
        let end = offset + UInt64(count)
        return max(end, min(size, file.nextData(from: offset) ?? end)) - offset
    }

    /// Notes how the open file, which is still at the path, has changed.
    private mutating func noteGrowth(_ status: FileStatus) throws(SystemCallError) {
        guard phase != .draining else { return }
        let earlier = known
        known = status
        if let earlier, status.isUnchanged(since: earlier) { return }
        needsCheck = true
        let unread = earlier.map { $0.size - min($0.size, readOffset) } ?? 0
        if status.size < readOffset {
            noteTruncation(size: status.size, unread: unread)
        } else if status.size == readOffset, let file {
            // It may have been rewritten to the same size. A larger one is compared before it is read on.
            if try hasSameContent(file) { needsCheck = false } else { noteTruncation(size: status.size, unread: 0) }
        }
    }

    /// Notes that the path names a file other than the open one, or none.
    ///
    /// While the new file is empty, its writer may still be writing to the old one, and there is nothing to read in the new one anyway.
    private mutating func noteReplacement(hasContent: Bool) throws(SystemCallError) {
        isReplaced = true
        guard let status = try file?.status() else { return }
        isQuietlyUnlinked = status.isUnlinked && endSeen == status.size
        try noteGrowth(status)
        if phase != .draining { phase = hasContent ? .finishing : .following }
    }

    /// - Parameter unread: how many bytes are known to have been there and were not read.
    private mutating func noteTruncation(size: UInt64, unread: UInt64) {
        phase = .draining
        logger.warning(
            "The log was truncated; after what was already read, it is read from its start.",
            metadata: ["offset": "\(readOffset)", "size": "\(size)", "unreadBytes": "\(unread)"])
    }

    private func hasSameContent(_ file: LogFile) throws(SystemCallError) -> Bool {
        try FileMark(head: head.prefix(Int(clamping: tail.end)), tail: tail.bytes).matches(file, offset: tail.end)
    }

    /// Keeps what `hasSameContent` compares.
    private mutating func remember(_ bytes: some BidirectionalCollection<UInt8>, at offset: UInt64) {
        rememberHead(bytes, at: offset)
        guard let last = bytes.lastIndex(where: { $0 != 0 }) else { return }
        let bytes = bytes[...last]
        let isNext = tail.end == offset
        tail.bytes =
            bytes.count < FileMark.length && isNext
            ? (tail.bytes + bytes).suffix(FileMark.length) : Array(bytes.suffix(FileMark.length))
        tail.end = offset + UInt64(bytes.count)
    }

    private mutating func rememberHead(_ bytes: some Collection<UInt8>, at offset: UInt64) {
        guard offset < FileMark.length else { return }
        head.append(contentsOf: bytes.prefix(FileMark.length - head.count))
    }

    private mutating func noteMissing() {
        // What appears later is new from its first line.
        if case .configured = nextStart { nextStart = .start }
        guard problems.shouldReport("missing", once: true) else { return }
        if file == nil {
            logger.info("There is no log file yet; waiting for it.")
        } else {
            logger.info("The log file was moved or deleted; it is read to its end while waiting for a new one.")
        }
    }

    private mutating func refuse(_ status: FileStatus) {
        let what = status.isDirectory ? "it is a directory" : "it is a named pipe, a socket or a device"
        guard problems.shouldReport(what) else { return }
        logger.warning("The log cannot be followed: only a regular file can.", metadata: ["error": "\(path): \(what)"])
    }

    private mutating func logProblem(_ error: SystemCallError) {
        guard problems.shouldReport("\(error)") else { return }
        logger.warning("The log cannot be read; it is tried again.", metadata: ["error": "\(error)"])
    }
}
