package import Glibc
internal import SystemPackage

/// A file that only root and the own user can have made: a lock, a database, what a master refused.
package enum OwnFile {
    /// Opens it; never follows a link, and never waits, as for the other end of a named pipe.
    ///
    /// - Parameters:
    ///   - flags: of open(2), beside those for that.
    ///   - other: a user whose files will do, too.
    /// - Throws: `SystemCallError`, also for what is not a regular file, belongs to somebody else, or has a second name, which others can make
    ///   in folders of theirs.
    package static func open(
        _ path: String, _ flags: CInt, mode: mode_t = 0o600, alsoOf other: uid_t? = nil
    ) throws(SystemCallError) -> CInt {
        let descriptor: CInt
        do throws(SystemCallError) {
            descriptor = try SystemCallError.retrying("open", path: path) {
                Glibc.open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode)
            }
        } catch {
            switch error.code {
            case .tooManySymbolicLinkLevels: throw refusal(path, "it is a link, and nothing of ours")
            // A socket, or a pipe without a reader.
            case .noSuchAddressOrDevice: throw refusal(path, "it is not a regular file")
            default: throw error
            }
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = SystemCallError("stat", path: path)
            close(descriptor)
            throw error
        }
        if let reason = objection(to: status, alsoOf: other) {
            close(descriptor)
            throw refusal(path, reason)
        }
        return descriptor
    }

    /// Checks a file that somebody else opens by its name, in a folder to which others can't write.
    ///
    /// - Throws: as `open`; nothing if there is none.
    package static func check(_ path: String, alsoOf other: uid_t? = nil) throws(SystemCallError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            let error = SystemCallError("stat", path: path)
            if error.code == .noSuchFileOrDirectory { return }
            throw error
        }
        if let reason = objection(to: status, alsoOf: other) { throw refusal(path, reason) }
    }

    private static func refusal(_ path: String, _ reason: String) -> SystemCallError {
        SystemCallError("use", path: path, refusal: reason)
    }

    private static func objection(to status: stat, alsoOf other: uid_t?) -> String? {
        guard status.st_mode & S_IFMT == S_IFREG else { return "it is not a regular file" }
        guard TrustedPath.isOurs(status.st_uid) || status.st_uid == other else {
            return "it belongs to user \(status.st_uid), who could change it"
        }
        guard status.st_nlink <= 1 else { return "it has a second name elsewhere" }
        return nil
    }
}
