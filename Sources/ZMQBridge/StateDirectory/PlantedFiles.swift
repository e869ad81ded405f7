private import Glibc
internal import SystemSupport

/// Looks in a state directory for files that another user has put there, while they could.
enum PlantedFiles {
    /// `journal/<lane>/<segment>`.
    private static let deepest = 3

    /// Checks everything in the directory, which must not change hands any more.
    ///
    /// - Parameter wasOpen: whether others could write to it until now; then also links of the own user's are refused, and files with a second
    ///   name, which others can make.
    static func check(in directory: String, wasOpen: Bool) throws {
        try check(directory, wasOpen, depth: 1)
    }

    private static func check(_ folder: String, _ wasOpen: Bool, depth: Int) throws {
        for name in try Directory(path: folder).names() {
            let path = folder + "/" + name
            var status = stat()
            guard lstat(path, &status) == 0 else {
                if errno == ENOENT { continue }
                throw SystemCallError("lstat", path: path)
            }
            guard TrustedPath.isOurs(status.st_uid) else {
                throw StateDirectoryError.planted(path: path, owner: status.st_uid)
            }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                let isOpen = TrustedPath.isOpenToOthers(path, status)
                guard !isOpen || !wasOpen else { throw StateDirectoryError.planted(path: path, owner: nil) }
                if depth < deepest { try check(path, wasOpen, depth: depth + 1) }
            case S_IFLNK: if wasOpen { throw StateDirectoryError.planted(path: path, owner: nil) }
            case S_IFREG: if wasOpen, status.st_nlink > 1 { throw StateDirectoryError.planted(path: path, owner: nil) }
            default: break
            }
        }
    }
}
