internal import Diagnosis
internal import Logging
internal import SystemSupport

/// One file under several names is read under one of them, and a file that was renamed is read on.
extension LogSet {
    /// Whether the file is to be read under this name. One that is read under another name already is not.
    mutating func mayRead(_ file: FollowedFile) -> Bool {
        guard file.follower == nil else { return true }
        guard let status = try? FileStatus(path: file.path) else {
            // What appears later is new from its first line.
            if file.place == nil, file.reported == nil { file.isNew = true }
            file.twin = nil
            return true
        }
        // One that is refused must not keep others from reading the file under its own name.
        guard status.isRegular, status.identity != file.identity, LogPath.refusal(file.path) == nil else { return true }
        return take(status.identity, by: file)
    }

    /// Notes that a path names a file.
    ///
    /// - Returns: whether it is to be read under this name.
    mutating func take(_ identity: FileIdentity, by file: FollowedFile) -> Bool {
        if let twin = reader(of: identity), twin !== file {
            tellTwin(file.path, of: twin)
            file.twin = twin.path
            close(file)
            return false
        }
        if let earlier = file.identity, readers[earlier] === file, earlier != identity {
            readers[earlier] = nil
            remember(file)
        }
        file.twin = nil
        file.identity = identity
        readers[identity] = file
        return true
    }

    /// Who reads this file now. A number that the file system gave to another file counts for nothing.
    func reader(of identity: FileIdentity) -> FollowedFile? {
        guard let reader = readers[identity] else { return nil }
        if reader.follower?.position(after: 0)?.identity == identity { return reader }
        return (try? FileStatus(path: reader.path))?.identity == identity ? reader : nil
    }

    /// Whether the file at the path was read under another name.
    mutating func wasRead(_ path: String, _ identity: FileIdentity) -> Bool {
        // A reader that is parked has lost sight of a file that was renamed.
        if let reader = readers[identity], reader.path != path, reader.follower == nil { remember(reader) }
        guard let position = history[identity], position.offset > 0, let file = try? LogFile(path: path),
            file.identity == identity
        else { return false }
        return (try? position.mark.matches(file, offset: position.offset)) == true
    }

    mutating func remember(_ file: FollowedFile) {
        guard let reported = file.reported, let position = try? LogPosition(bytes: reported.bytes) else { return }
        addHistory(position)
    }

    mutating func addHistory(_ position: LogPosition) {
        if history.updateValue(position, forKey: position.identity) == nil { historyOrder.append(position.identity) }
        guard historyOrder.count > max(1000, 2 * limits.files) else { return }
        for identity in historyOrder.prefix(500) { history[identity] = nil }
        historyOrder.removeFirst(500)
    }

    mutating func tellTwin(_ path: String, of reader: FollowedFile) {
        // After a rotation by renaming, the reader's own path names the next file already, or none: nothing to tell.
        guard (try? FileStatus(path: reader.path))?.identity == reader.identity,
            shouldTell("twin \(path)\0\(reader.path)")
        else { return }
        logger.notice(
            "Two paths name the same log file; it is read once.",
            metadata: ["path": "\(reader.path)", "also": "\(path)"])
    }
}
