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
