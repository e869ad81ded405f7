internal import Glibc
internal import Logging
internal import SystemSupport

extension LogFollower {
    /// Opens the file at the path, or the one that was there when the position was stored, and goes to where reading begins.
    mutating func openFile() throws(SystemCallError) {
        let current = try LogFile(path: path)
        switch nextStart {
        case .start:
            try startReading(current, at: 0)
        case .configured:
            try startReading(current, at: configuration.startFrom == .end ? startOfUnfinishedLine(current) : 0)
        case .stored(let position):
            let isSameInode = position.identity.inode == current.identity.inode
            if isSameInode, try isAt(position, current) {
                try startReading(current, at: position.offset)
            } else if !openOldFile(position) {
                warnOfReplacement(position, isSameInode: isSameInode)
                try startReading(current, at: 0)
            }
        }
    }

    /// Goes on at `position` in the file that is no longer at the path.
    ///
    /// - Returns: whether it was found; otherwise nothing has changed.
    mutating func openOldFile(_ position: LogPosition) -> Bool {
        guard let old = findOldFile(position) else { return false }
        leaveFile()
        guard (try? startReading(old, at: position.offset)) != nil else { return false }
        logger.info(
            "Reading the rest of the earlier log file first.",
            metadata: ["file": "\(old.path)", "offset": "\(position.offset)"])
        look()
        return true
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

    private mutating func startReading(_ file: LogFile, at start: UInt64) throws(SystemCallError) {
        let length = Int(min(start, UInt64(FileMark.length)))
        head = try file.bytes(at: 0, count: length)
        tail = try file.bytes(at: start - UInt64(length), count: length)
        confirmedTail = tail
        let status = try file.status()
        known = status
        modified = status.modified
        offset = start
        self.file = file
        // If the file is lost before any of it is reported, the next one is read from its first line.
        nextStart = .start
    }

    private func isAt(_ position: LogPosition, _ file: LogFile) throws(SystemCallError) -> Bool {
        guard try file.status().size >= position.offset else { return false }
        return try position.mark.matches(file, offset: position.offset)
    }

    /// Looks in the log's directory for the file that was read last, under its new name (`train.log.1` after a rotation), or for a copy of it
    /// (after `copytruncate`).
    private func findOldFile(_ position: LogPosition) -> LogFile? {
        let directory = Directory.parent(of: path)
        let name = path.split(separator: "/").last ?? ""
        var copy: (file: LogFile, modified: Int64)?
        for entry in (try? Directory(path: directory).names()) ?? [] where entry != name {
            let candidate = "\(directory)/\(entry)"
            guard let status = try? FileStatus(path: candidate), status.isRegular, status.size >= position.offset else {
                continue
            }
            let isSame = status.identity.inode == position.identity.inode
            // A copy is recognised by its content alone, so it must have some, be no older, and have a name that begins like the log's.
            let mayBeCopy = position.offset > 0 && status.modified >= position.modified && entry.hasPrefix(name)
            guard isSame || mayBeCopy, let file = try? LogFile(path: candidate), (try? isAt(position, file)) == true
            else { continue }
            if isSame { return file }
            // Of several copies, the oldest.
            if copy.map({ status.modified < $0.modified }) ?? true { copy = (file, status.modified) }
        }
        return copy?.file
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
