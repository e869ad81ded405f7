internal import Glibc
internal import SystemSupport

/// Whether consumers and commands may take what is at a state directory's path for a publisher's.
///
/// It must belong to root or the own user, or to another user in whose own folders it is, or for whom root has made it: whoever names such a
/// place means that user. Where anybody can make a directory, as in `/tmp`, it could be a stranger's.
extension StateDirectory {
    /// Which directory is at the path, as far as a change of it matters.
    struct Identity: Hashable {
        let device: dev_t
        let inode: ino_t
        let owner: uid_t
        let mode: mode_t
    }

    /// `nil` if nothing is there, or this user may not look.
    var identity: Identity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Identity(device: status.st_dev, inode: status.st_ino, owner: status.st_uid, mode: status.st_mode)
    }

    /// Checks it for consumers and commands. What passes can't be replaced by others afterwards.
    ///
    /// - Returns: its owner; `nil` if nothing is there yet.
    /// - Throws: `StateDirectoryError.untrusted`, and `newerDirectory` if a newer arobust uses it.
    @discardableResult
    package func checkForClients() throws(StateDirectoryError) -> UInt32? {
        guard let identity else { return nil }
        do throws(TrustedPathError) {
            // A file in it, so that the directory itself is looked at, too.
            _ = try TrustedPath.resolve(path + "/x", alsoOf: identity.owner)
        } catch {
            // What this user may not look at, it can't use either; that is said elsewhere.
            if case .unreadable = error.problem { return identity.owner }
            throw .untrusted(path: path, reason: "\(error)")
        }
        try checkVersion()
        return identity.owner
    }
}
