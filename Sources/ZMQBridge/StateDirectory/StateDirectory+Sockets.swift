private import Glibc

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
