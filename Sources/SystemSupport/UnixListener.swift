internal import Glibc

/// The file of a Unix socket that this process listens at.
///
/// It is made by nobody else than us: what is there is replaced only if it is a socket of this user at which nobody listens any more, and
/// the folder must be one in which nobody else can replace it.
package struct UnixListener: Sendable {
    private let path: String
    /// Also when it was changed: numbers of files are used again.
    private let identity: Identity
    /// Bound, and listening.
    package let descriptor: CInt

    /// Makes the socket.
    ///
    /// - Parameter mode: who may connect to it. Set before anybody can.
    /// - Throws: `UnixListenerError`.
    package init(path: String, mode: UInt32, backlog: CInt) throws(UnixListenerError) {
        self.path = path
        try Self.check(path)
        try Self.removeStale(path)
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw UnixListenerError(SystemCallError("socket")) }
        self.descriptor = descriptor
        var isBound = false
        do throws(UnixListenerError) {
            guard UnixAddress.with(path, { bind(descriptor, $0, $1) }) == 0 else {
                throw UnixListenerError(SystemCallError("bind", path: path))
            }
            isBound = true
            guard chmod(path, mode) == 0 else { throw UnixListenerError(SystemCallError("chmod", path: path)) }
            guard listen(descriptor, backlog) == 0 else {
                throw UnixListenerError(SystemCallError("listen", path: path))
            }
            guard let status = Self.status(path) else { throw UnixListenerError(SystemCallError("lstat", path: path)) }
            identity = Self.identity(status)
        } catch {
            if isBound { unlink(path) }
            close(descriptor)
            throw error
        }
    }

    /// Removes the file, unless somebody has put another one in its place.
    package func remove() {
        guard let status = Self.status(path), Self.identity(status) == identity else { return }
        unlink(path)
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return lstat(path, &status) == 0 ? status : nil
    }

    private static func identity(_ status: stat) -> Identity {
        // As bytes: which module `timespec` belongs to differs with what else is imported.
        Identity(device: status.st_dev, file: status.st_ino, changed: withUnsafeBytes(of: status.st_ctim) { Array($0) })
    }

    /// Which file it is; a file that gets the number of a removed one has another time of change.
    private struct Identity: Hashable {
        var device: dev_t
        var file: ino_t
        var changed: [UInt8]
    }

    /// Looks at the folder and at what is there, without making or removing anything. Of a socket at which somebody listens it says nothing.
    package static func check(_ path: String) throws(UnixListenerError) {
        let folder = Directory.parent(of: path)
        try checkFolder(folder)
        guard let status = status(path) else {
            if let refusal = PathLook.refusal(W_OK | X_OK, "make a socket in", folder) {
                throw UnixListenerError(refusal)
            }
            return
        }
        try checkIsOurs(status)
    }

    private static func checkIsOurs(_ status: stat) throws(UnixListenerError) {
        guard status.st_mode & S_IFMT == S_IFSOCK, status.st_uid == geteuid() else {
            throw UnixListenerError("there is something else, which is not a socket of this user")
        }
    }

    /// Whoever may write into the folder could replace the socket, and be taken for us.
    private static func checkFolder(_ folder: String) throws(UnixListenerError) {
        guard let status = status(folder) else { throw UnixListenerError(SystemCallError("lstat", path: folder)) }
        guard [S_IFDIR, S_IFLNK].contains(status.st_mode & S_IFMT) else {
            throw UnixListenerError("\(folder) is no directory")
        }
        do throws(TrustedPathError) {
            _ = try TrustedPath.resolve(folder + "/socket")
        } catch {
            throw UnixListenerError("\(error)")
        }
    }

    private static func removeStale(_ path: String) throws(UnixListenerError) {
        guard let status = status(path) else { return }
        try checkIsOurs(status)
        let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard probe >= 0 else { throw UnixListenerError(SystemCallError("socket")) }
        defer { close(probe) }
        guard UnixAddress.with(path, { connect(probe, $0, $1) }) != 0, errno == ECONNREFUSED else {
            throw UnixListenerError(SystemCallError.text(EADDRINUSE))
        }
        guard unlink(path) == 0 else { throw UnixListenerError(SystemCallError("unlink", path: path)) }
    }
}

/// Why there is no socket.
package struct UnixListenerError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    init(_ error: SystemCallError) {
        description = "\(error)"
    }
}
