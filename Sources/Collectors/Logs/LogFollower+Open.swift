internal import Glibc
internal import Logging
internal import SystemSupport

extension LogFollower {
    /// Opens the file at the path, or one that was there before and must be read first, and goes to where reading begins.
    mutating func openFile() throws(SystemCallError) {
        let current = try LogFile(path: path)
        switch nextStart {
        case .copy(let position) where try isAt(position, current):
            try readOnInCopy(current, at: position)
        case .start, .copy:
            try openMissedFile(before: current)
        case .configured:
            try startReading(current, at: configuration.startFrom == .end ? startOfUnfinishedLine(current) : 0)
        case .stored(let position):
            let isSameInode = position.identity.inode == current.identity.inode
            if isSameInode, try isAt(position, current) {
                try startReading(current, at: position.offset, line: position.line)
            } else if openOldFile(position) {
                return
            } else if !isSameInode, position.offset > 0, try isAt(position, current) {
                try readOnInCopy(current, at: position)
            } else {
                warnOfReplacement(position, isSameInode: isSameInode)
                finished = position
                try openMissedFile(before: current)
            }
        }
    }

    /// Goes on at `position` in the file that is no longer at the path.
    ///
    /// - Returns: whether it was found; otherwise nothing has changed.
    mutating func openOldFile(_ position: LogPosition) -> Bool {
        guard let old = findOldFile(position) else { return false }
        leaveFile()
        guard (try? startReading(old, at: position.offset, line: position.line)) != nil else { return false }
        logger.info(
            "Reading the rest of the earlier log file first.",
            metadata: ["file": "\(old.path)", "offset": "\(position.offset)"])
        look()
        return true
    }

    /// Leaves a file that was read to its end, since the path names another one.
    mutating func finishFile() {
        guard let place = position(after: 0), let old = file else { return leaveFile() }
        // A rotated file is still there under another name. The inode number of one that is gone is soon another's.
        let isGone = (try? old.status())?.isUnlinked == true && !old.isUnpacked
        leaveFile()
        if !isGone {
            recent = recent.suffix(15) + [place]
        } else if place.offset > 0 {
            nextStart = .copy(place)
        }
        finished = place
    }

    /// A tool that copies files (rsync, an object store's client) has put a longer copy in the place of the file.
    private mutating func readOnInCopy(_ copy: LogFile, at position: LogPosition) throws(SystemCallError) {
        logger.info("The log was replaced by a longer copy of itself; reading goes on where it was.")
        finished = nil
        try startReading(copy, at: position.offset, line: position.line)
    }

    /// Opens the file that was rotated away between two looks before anybody saw it, if there is one, or else the current one.
    private mutating func openMissedFile(before current: LogFile) throws(SystemCallError) {
        guard let finished, let missed = nextMissedFile(after: finished, before: current) else {
            self.finished = nil
            return try startReading(current, at: 0)
        }
        logger.info(
            "The log was rotated more than once; reading a file in between.", metadata: ["file": "\(missed.file.path)"])
        try startReading(missed.file, at: missed.offset)
        look()
    }

    /// The oldest of the files that were rotated after the last one that was read, and before the current one.
    private func nextMissedFile(
        after finished: LogPosition, before current: LogFile
    ) -> (file: LogFile, offset: UInt64)? {
        let rotated = RotatedFiles(path: path, resolved: finished.resolvedPath)
        let ordered = rotated.inOrder(
            rotated.all().filter { candidate in
                rotated.isRotated(candidate) && candidate.status.size > 0
                    && candidate.status.identity != current.identity
            })
        let anchor = finished.offset > 0 ? place(of: finished, in: ordered) : nil
        if let anchor, let size = try? anchor.file.status().size, size > finished.offset, !wasRead(anchor.file) {
            // A copy of what was read is only of interest if it is longer.
            return (anchor.file, finished.offset)
        }
        // Where the last file is no longer there, the times must say which ones are newer.
        let missed =
            anchor.map { ordered[($0.index + 1)...] }
            ?? ordered.filter { $0.status.modified >= finished.modified }[...]
        for candidate in missed {
            guard let file = open(candidate.path, from: nil), !wasRead(file) else { continue }
            return (file, 0)
        }
        return nil
    }

    /// Which of the rotated files holds what was read up to the position: the file itself, or a copy of it. The clock has no say in it.
    private func place(
        of position: LogPosition, in ordered: [RotatedFiles.Candidate]
    ) -> (index: Int, file: LogFile)? {
        for isSame in [true, false] {
            for (index, candidate) in ordered.enumerated().reversed()
            where (candidate.status.identity == position.identity) == isSame {
                guard let file = open(candidate.path, from: position),
                    (try? isAt(position, file)) == true
                else { continue }
                return (index, file)
            }
        }
        return nil
    }

    /// Whether it is one of the files that were read last, whatever it is called now.
    private func wasRead(_ file: LogFile) -> Bool {
        recent.contains { ($0.identity == file.identity || file.isUnpacked) && (try? isAt($0, file)) == true }
    }

    /// Opens a file that rotation has made of the log; of a compressed one, what it has from the position on.
    private func open(_ path: String, from position: LogPosition?) -> LogFile? {
        guard CompressedLog.isCompressed(path) else { return try? LogFile(path: path) }
        do {
            return try CompressedLog(path: path).unpacked(from: position)
        } catch {
            logger.warning(
                "A compressed file of the log cannot be unpacked; what was not read of it is lost.",
                metadata: ["error": "\(error)", "file": "\(path)"])
            return nil
        }
    }

    private func warnOfReplacement(_ position: LogPosition, isSameInode: Bool) {
        let metadata: Logger.Metadata = ["offset": "\(position.offset)"]
        if isSameInode {
            logger.warning(
                "The log was truncated or overwritten since it was last read; it is read from its start.",
                metadata: metadata)
        } else {
            logger.warning(
                "The log was replaced, and the earlier file cannot be found; what was not read of it is lost.",
                metadata: metadata)
        }
    }

    private mutating func startReading(
        _ file: LogFile, at start: UInt64, line state: LineState = .begins
    ) throws(SystemCallError) {
        let length = Int(min(start, UInt64(FileMark.length)))
        head = try file.bytes(at: 0, count: length)
        tail = (try file.bytes(at: start - UInt64(length), count: length), start)
        confirmedTail = tail
        let status = try file.status()
        known = status
        modified = status.modified
        offset = start
        line = state
        lastRead = .now
        resolvedPath = RotatedFiles.resolve(file.path)
        self.file = file
        // If the file is lost before any of it is reported, the next one is read from its first line.
        nextStart = .start
    }

    private func isAt(_ position: LogPosition, _ file: LogFile) throws(SystemCallError) -> Bool {
        guard try file.status().size >= position.offset else { return false }
        return try position.mark.matches(file, offset: position.offset)
    }

    /// Looks for the file that was read last, under its new name (`train.log.1` after a rotation), or for a copy of it (after
    /// `copytruncate`).
    private func findOldFile(_ position: LogPosition) -> LogFile? {
        let rotated = RotatedFiles(path: path, resolved: position.resolvedPath)
        var copy: (file: LogFile, rank: (Int, Int64))?
        var compressed: LogFile?
        for candidate in rotated.all() {
            let isCompressed = CompressedLog.isCompressed(candidate.path)
            guard isCompressed || candidate.status.size >= position.offset else { continue }
            let isSame = candidate.status.identity.inode == position.identity.inode
            // A copy is recognised by its content alone, so it must have some, be no older, and have a name that begins like the log's.
            // One that was changed earlier is a copy only if the clock was set back; then the mark must be a long one.
            let isEarlier = candidate.status.modified < position.modified
            let mayBeCopy =
                position.offset > (isEarlier ? 2 * UInt64(FileMark.length) : 0) && rotated.isNamedLikeLog(candidate)
            guard isSame || mayBeCopy, !isCompressed || compressed == nil || isSame,
                let file = open(candidate.path, from: position), (try? isAt(position, file)) == true
            else { continue }
            if isSame { return file }
            if isCompressed {
                compressed = file
                continue
            }
            // Of several copies the oldest, but of those that seem to be too old the newest.
            let rank = isEarlier ? (1, -candidate.status.modified) : (0, candidate.status.modified)
            if copy.map({ rank < $0.rank }) ?? true { copy = (file, rank) }
        }
        return copy?.file ?? compressed
    }

    /// Where the line begins that has no newline yet, or the file's end. A line that began too far back is not looked for.
    private func startOfUnfinishedLine(_ file: LogFile) throws(SystemCallError) -> UInt64 {
        let size = try file.status().size
        var end = size
        let limit = size - min(size, UInt64(configuration.maxLineBytes))
        while end > limit {
            let start = end - min(end - limit, 64 * 1024)
            let block = try file.bytes(at: start, count: Int(end - start))
            if let newline = block.lastIndex(of: 0x0A) { return start + UInt64(newline) + 1 }
            end = start
        }
        return end == 0 ? 0 : size
    }
}
