private import Glibc

/// The directory that a publisher lives in: its sockets, its identity, its lock. Consumers find the sockets there.
///
/// Who may enter it may read and write the bus, so it must have mode 0700, or 0750 to let a group in.
public struct StateDirectory: Hashable, Sendable {
    /// A socket's path with its closing zero has to fit into `sockaddr_un.sun_path` (unix(7)).
    public static let longestSocketPath = 107

    /// Absolute, without a slash at the end.
    public let path: String

    /// Takes a path, relative ones from the current directory, without touching the file system.
    ///
    /// - Throws: `StateDirectoryError.pathTooLong` if a socket in it could not be bound.
    public init(path: String) throws(StateDirectoryError) {
        var path = path.hasPrefix("/") ? path : Self.currentDirectory() + "/" + path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        let longest = sockets.map(\.utf8.count).max() ?? 0
        guard longest <= Self.longestSocketPath else {
            let room = Self.longestSocketPath - (longest - path.utf8.count)
            throw .pathTooLong(path: path, length: path.utf8.count, limit: room)
        }
    }

    /// XPUB: the envelopes.
    public var publishSocket: String { path + "/pub.sock" }
    /// ROUTER: metrics of other programs, answered.
    public var ingestSocket: String { path + "/ingest.sock" }
    /// PULL: metrics of other programs, not answered.
    public var pushSocket: String { path + "/push.sock" }
    /// ROUTER: envelopes once more.
    public var replaySocket: String { path + "/replay.sock" }

    var sockets: [String] { [publishSocket, ingestSocket, pushSocket, replaySocket] }
    var lockFile: String { path + "/publisher.lock" }
    var identityFile: String { path + "/publisher.json" }
    var ledgerFile: String { path + "/ledger.json" }
    /// The publisher's journal.
    public var journalDirectory: String { path + "/journal" }
    /// Where the cursors and ledgers of the masters' reporters are kept, unless the settings name another place.
    public var consumersDirectory: String { path + "/consumers" }

    /// Makes the directory if it isn't there, and sees to its mode.
    ///
    /// One that is empty or was ours before is made private; a directory with other people's files in it is refused, not changed.
    func prepare() throws {
        try makeMissingDirectories()
        var status = stat()
        guard stat(path, &status) == 0 else { throw SystemCallError(call: "stat", path: path) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw StateDirectoryError.notADirectory(path: path) }
        guard status.st_uid == geteuid() else { throw StateDirectoryError.notOurs(path: path, owner: status.st_uid) }
        let mode = status.st_mode & 0o777
        guard mode & 0o027 != 0 else { return }
        guard try isOurs() else {
            throw StateDirectoryError.tooOpen(path: path, mode: mode)
        }
        guard chmod(path, 0o700) == 0 else { throw SystemCallError(call: "chmod", path: path) }
    }

    private func makeMissingDirectories() throws {
        var missing: [String] = []
        var current = path
        while access(current, F_OK) != 0, current != "/", !current.isEmpty {
            missing.append(current)
            current = String(current[..<(current.lastIndex(of: "/") ?? current.startIndex)])
        }
        for directory in missing.reversed() {
            let mode: mode_t = directory == path ? 0o700 : 0o755
            guard mkdir(directory, mode) == 0 || errno == EEXIST else {
                throw SystemCallError(call: "mkdir", path: directory)
            }
        }
    }

    /// Whether the directory is empty or has our lock file.
    private func isOurs() throws -> Bool {
        if access(lockFile, F_OK) == 0 { return true }
        guard let directory = opendir(path) else { throw SystemCallError(call: "opendir", path: path) }
        defer { closedir(directory) }
        var entries = 0
        while readdir(directory) != nil { entries += 1 }
        return entries <= 2  // "." and ".."
    }

    private static func currentDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "" }
        defer { free(path) }
        return String(cString: path)
    }
}

extension StateDirectory {
    /// Makes way for a socket: removes what an earlier run left, and nothing else. To be called under the publisher's lock, since
    /// libzmq's bind(2) would remove whatever is there.
    func removeStaleSocket(at path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw SystemCallError(call: "lstat", path: path)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK, status.st_uid == geteuid() else {
            throw StateDirectoryError.notOurSocket(path: path)
        }
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemCallError(call: "unlink", path: path) }
    }

    /// Lets those use a socket who may enter the directory: to connect takes the right to write (unix(7)).
    func openSocket(at path: String) throws {
        var status = stat()
        guard stat(self.path, &status) == 0 else { throw SystemCallError(call: "stat", path: self.path) }
        let mode: mode_t = status.st_mode & 0o050 == 0o050 ? 0o660 : 0o600
        guard chmod(path, mode) == 0 else { throw SystemCallError(call: "chmod", path: path) }
    }
}

/// Why a state directory cannot be used.
public enum StateDirectoryError: Error, Hashable, CustomStringConvertible {
    case pathTooLong(path: String, length: Int, limit: Int)
    case notADirectory(path: String)
    case notOurs(path: String, owner: UInt32)
    case tooOpen(path: String, mode: UInt32)
    case inUse(path: String, holder: String)
    case notOurSocket(path: String)
    case unreadable(path: String, reason: String)

    public var description: String {
        switch self {
        case .pathTooLong(let path, let length, let limit):
            "the state directory's path has \(length) bytes and may have \(limit), so that its Unix sockets can be bound: \(path)"
        case .notADirectory(let path):
            "the state directory is not a directory: \(path)"
        case .notOurs(let path, let owner):
            "the state directory \(path) belongs to user \(owner); a publisher needs one of its own user's"
        case .tooOpen(let path, let mode):
            "the state directory \(path) has mode 0\(String(mode, radix: 8)) and files of others in it; "
                + "give one of its own, or make its mode 0700 (or 0750)"
        case .inUse(let path, let holder):
            "the state directory \(path) belongs to a running publisher, \(holder)"
        case .notOurSocket(let path):
            "\(path) is in the way: it is not a socket, or belongs to another user, and so is not replaced"
        case .unreadable(let path, let reason):
            "\(path) cannot be read (\(reason)); move it away to start without it"
        }
    }
}
