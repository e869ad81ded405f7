internal import Diagnosis
private import Glibc
private import SystemSupport

/// The directory of one publisher: its sockets, journal, identity and lock. Consumers find the sockets there.
///
/// Whoever may enter it may read and write the bus, so its mode must be 0700, or 0750 to let a group in.
public struct StateDirectory: Hashable, Sendable {
    /// Absolute, without a slash at the end.
    public let path: String

    /// Names a directory, without touching the file system. A relative path is taken from the current directory.
    ///
    /// - Throws: `StateDirectoryError.pathTooLong` if a socket in it could not be bound.
    public init(path: String) throws(StateDirectoryError) {
        var path = Directory.absolute(path)
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        let longest = sockets.map(\.utf8.count).max() ?? 0
        guard longest <= UnixAddress.longestPath else {
            let room = UnixAddress.longestPath - (longest - path.utf8.count)
            throw .pathTooLong(path: path, length: path.utf8.count, limit: room)
        }
    }

    /// XPUB: the envelopes.
    package var publishSocket: String { path + "/pub.sock" }
    /// ROUTER: takes metrics of other programs, and answers.
    package var ingestSocket: String { path + "/ingest.sock" }
    /// PULL: takes metrics of other programs without an answer.
    package var pushSocket: String { path + "/push.sock" }
    /// ROUTER: replays envelopes, takes cursors.
    package var replaySocket: String { path + "/replay.sock" }

    var sockets: [String] { [publishSocket, ingestSocket, pushSocket, replaySocket] }
    var lockFile: String { path + "/publisher.lock" }
    var identityFile: String { path + "/publisher.json" }
    var ledgerFile: String { path + "/ledger.json" }
    /// Names the last run in which something was published that the journal does not have.
    var volatileFile: String { path + "/volatile" }
    /// The publisher's journal.
    package var journalDirectory: String { path + "/journal" }
    /// Where the cursors and ledgers of the masters' reporters are kept, unless the settings name another place.
    package var consumersDirectory: String { path + "/consumers" }

    /// Makes the directory if it isn't there, and checks its owner and mode, the path to it, and that nobody else has put files there.
    ///
    /// One that is empty, or has a publisher's lock file in it, gets mode 0700 if it is open to others. One with other files is refused.
    func prepare() throws {
        try TrustedPath.makeFolder(path, mode: 0o700)
        let mode = try checkOwner()
        try checkVersion()
        guard mode & 0o027 != 0 else { return try PlantedFiles.check(in: path, wasOpen: false) }
        guard chmod(path, 0o700) == 0 else { throw SystemCallError("chmod", path: path) }
        do {
            try PlantedFiles.check(in: path, wasOpen: mode & 0o022 != 0)
        } catch {
            // As it was: somebody should look at it.
            chmod(path, mode)
            throw error
        }
    }

    /// Looks for what would keep a publisher from using the directory, as `prepare` does, and at its small files. Makes and changes nothing.
    ///
    /// - Throws: what a publisher's start would fail with.
    package func check() throws {
        try checkPath()
        guard access(path, F_OK) == 0 else {
            if let obstacle = Directory(path: path).obstacleToMaking {
                throw StateDirectoryError.notUsable(path: path, reason: obstacle)
            }
            return
        }
        let mode = try checkOwner()
        try checkVersion()
        try PlantedFiles.check(in: path, wasOpen: mode & 0o022 != 0)
        _ = try PublisherIdentity.read(in: self)
        do {
            _ = try SmallFile<PublisherLedger>(path: ledgerFile).read()
        } catch let error as StateDirectoryError where !error.isNewerVersion {
            // A start sets it aside.
        }
    }

    /// Checks the way to the directory.
    private func checkPath() throws {
        _ = try TrustedPath.resolve(path)
    }

    /// Checks what is there; returns the nine permission bits. If they let others in, a publisher may take them away.
    private func checkOwner() throws -> mode_t {
        var status = stat()
        guard stat(path, &status) == 0 else { throw SystemCallError("stat", path: path) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw StateDirectoryError.notADirectory(path: path) }
        guard status.st_uid == geteuid() else { throw StateDirectoryError.notOurs(path: path, owner: status.st_uid) }
        let mode = status.st_mode & 0o777
        guard try mode & 0o027 == 0 || isOurs() else { throw StateDirectoryError.tooOpen(path: path, mode: mode) }
        return mode
    }

    /// Whether the directory is empty or has our lock file.
    private func isOurs() throws -> Bool {
        if access(lockFile, F_OK) == 0 { return true }
        return try Directory(path: path).names().isEmpty
    }
}

extension StateDirectory {
    /// Removes the socket that an earlier run left, and nothing else. Call it under the publisher's lock, and before libzmq binds, which
    /// would remove whatever is there.
    func removeStaleSocket(at path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw SystemCallError("lstat", path: path)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK, status.st_uid == geteuid() else {
            throw StateDirectoryError.notOurSocket(path: path)
        }
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemCallError("unlink", path: path) }
    }

    /// Lets everybody use a socket who may enter the directory: connecting needs the right to write (unix(7)).
    func openSocket(at path: String) throws {
        var status = stat()
        guard stat(self.path, &status) == 0 else { throw SystemCallError("stat", path: self.path) }
        let mode: mode_t = status.st_mode & 0o050 == 0o050 ? 0o660 : 0o600
        guard chmod(path, mode) == 0 else { throw SystemCallError("chmod", path: path) }
    }
}

/// Why a state directory cannot be used.
public enum StateDirectoryError: Error, Hashable, CustomStringConvertible {
    /// Its sockets' paths would be longer than the system allows; lengths in bytes.
    case pathTooLong(path: String, length: Int, limit: Int)
    case notADirectory(path: String)
    /// It can't be made or written to.
    case notUsable(path: String, reason: String)
    /// It belongs to another user; `owner` is that user's id.
    case notOurs(path: String, owner: UInt32)
    /// Others may enter it, and it has files that no publisher made; `mode` has the nine permission bits.
    case tooOpen(path: String, mode: UInt32)
    /// Another publisher runs there; `holder` says which: `pid 7 on host`.
    case inUse(path: String, holder: String)
    /// Something other than our socket has a socket's name.
    case notOurSocket(path: String)
    /// Something in it is not its user's, or may not be: others could write to the directory. `owner` is the other user's id.
    case planted(path: String, owner: UInt32?)
    /// It, or its journal, was moved or removed while a publisher used it.
    case moved(path: String)
    /// A consumer or a command does not use it, since another user could have made it in a publisher's place.
    case untrusted(path: String, reason: String)
    /// One of its small files is not what a publisher writes.
    case unreadable(path: String, reason: String)
    /// A newer arobust wrote one of its small files.
    case newerVersion(path: String, version: Int, known: Int)
    /// A newer arobust has used it; `writer` says which, if its file `version` does.
    case newerDirectory(path: String, version: Int, writer: String?)

    package var isNewerVersion: Bool {
        switch self {
        case .newerVersion, .newerDirectory: true
        default: false
        }
    }

    public var description: String {
        switch self {
        case .pathTooLong(let path, let length, let limit):
            "the state directory's path has \(length) bytes and may have \(limit) at most, or its Unix sockets cannot be bound: \(path)"
        case .notADirectory(let path):
            "the state directory is not a directory: \(path)"
        case .notUsable(let path, let reason):
            "the state directory \(path) can't be used: \(reason)"
        case .notOurs(let path, let owner):
            "the state directory \(path) belongs to user \(owner); a publisher needs one that belongs to its own user"
        case .tooOpen(let path, let mode):
            "the state directory \(path) has mode 0\(String(mode, radix: 8)) and files in it that no publisher made; "
                + "name a directory that is arobust's alone, such as \(path == "/" ? "" : path)/arobust"
        case .inUse(let path, let holder):
            "the state directory \(path) belongs to a running publisher, \(holder)"
        case .notOurSocket(let path):
            "\(path) is in the way: it is not a socket, or belongs to another user, so it is not replaced"
        case .planted(let path, let owner?):
            "\(path) belongs to user \(owner): somebody else has put it there; look at it, and name another state directory"
        case .planted(let path, nil):
            "\(path) is a link, has a second name or is open to others, in a directory that others could write to: look at it, "
                + "and name another state directory"
        case .moved(let path):
            "\(path) was moved or removed while a publisher used it, so nobody else finds what it publishes; start it again"
        case .untrusted(let path, let reason):
            "the state directory \(path) is not used: \(reason); if it is the right one, run this as its owner"
        case .unreadable(let path, let reason):
            "\(path) cannot be read (\(reason)); move it away to start without it"
        case .newerVersion(let path, let version, let known):
            "\(path) is of version \(version), which a newer arobust wrote, and this arobust \(ProductVersion.text) knows \(known): "
                + "use the newer one, or name another state directory"
        case .newerDirectory(let path, let version, let writer):
            "the state directory \(path) has version \(version), which \(writer ?? "a newer arobust") wrote, "
                + "and this arobust \(ProductVersion.text) knows \(StateVersion.newest): use the newer one, or name another state directory"
        }
    }
}
