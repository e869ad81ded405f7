internal import Glibc
internal import SystemSupport

/// The file of a Unix socket that this process listens at.
///
/// It is made by nobody else than us: what is there is replaced only if it is a socket of this user at which nobody listens any more, and
/// the folder must be one in which nobody else can replace it.
struct UnixListener: Sendable {
    private let path: String
    /// Also when it was changed: numbers of files are used again.
    private let identity: (device: dev_t, file: ino_t, changed: Int, nanoseconds: Int)
    /// Bound, and listening.
    let descriptor: CInt

    /// Makes the socket.
    ///
    /// - Parameter mode: who may connect to it. Set before anybody can.
    /// - Throws: `UnixListenerError`.
    init(path: String, mode: mode_t, backlog: CInt) throws(UnixListenerError) {
        self.path = path
        try Self.checkFolder(Directory.parent(of: path))
        try Self.removeStale(path)
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw UnixListenerError(SystemCallError("socket")) }
        self.descriptor = descriptor
        var isBound = false
        do throws(UnixListenerError) {
            guard Self.with(path, { bind(descriptor, $0, $1) }) == 0 else {
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
    func remove() {
        guard let status = Self.status(path), Self.identity(status) == identity else { return }
        unlink(path)
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return lstat(path, &status) == 0 ? status : nil
    }

    private static func identity(_ status: stat) -> (device: dev_t, file: ino_t, changed: Int, nanoseconds: Int) {
        (status.st_dev, status.st_ino, status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
    }

    /// Whoever may write into the folder could replace the socket, and be taken for us.
    private static func checkFolder(_ folder: String) throws(UnixListenerError) {
        // What a link belongs to counts as well: its owner could let it lead elsewhere.
        guard let link = status(folder) else { throw UnixListenerError(SystemCallError("lstat", path: folder)) }
        var status = stat()
        guard stat(folder, &status) == 0 else { throw UnixListenerError(SystemCallError("stat", path: folder)) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw UnixListenerError("\(folder) is no directory") }
        for owner in [link.st_uid, status.st_uid] where owner != 0 && owner != geteuid() {
            throw UnixListenerError("\(folder) belongs to another user (\(owner))")
        }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 || status.st_mode & S_ISVTX != 0 else {
            throw UnixListenerError("others may write into \(folder), and could replace the socket")
        }
    }

    private static func removeStale(_ path: String) throws(UnixListenerError) {
        guard let status = status(path) else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK, status.st_uid == geteuid() else {
            throw UnixListenerError("there is something else, which is not a socket of this user")
        }
        let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard probe >= 0 else { throw UnixListenerError(SystemCallError("socket")) }
        defer { close(probe) }
        guard with(path, { connect(probe, $0, $1) }) != 0, errno == ECONNREFUSED else {
            throw UnixListenerError(SystemCallError.text(EADDRINUSE))
        }
        guard unlink(path) == 0 else { throw UnixListenerError(SystemCallError("unlink", path: path)) }
    }

    /// Calls with the path as an address.
    private static func with(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// Why there is no socket.
struct UnixListenerError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    init(_ error: SystemCallError) {
        description = "\(error)"
    }
}
