private import Glibc

/// Which file it is, whatever its name: two paths lead to the same file exactly when these are equal.
package struct FileNumber: Hashable, Sendable {
    private let device: dev_t
    private let inode: ino_t

    /// The file that a descriptor has open; `nil` if that can't be found out.
    package init?(descriptor: CInt) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    /// The file at a path; `nil` if there is none, or none that can be looked at.
    ///
    /// - Parameter followsLinks: otherwise the link itself.
    package init?(path: String, followsLinks: Bool = false) {
        var status = stat()
        guard (followsLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        self.init(status)
    }

    /// Whether it is still the file at a path, as far as can be told: a file system may fail for a moment, and that moves nothing.
    ///
    /// - Parameter followsLinks: otherwise the link itself.
    package func isStill(at path: String, followsLinks: Bool = false) -> Bool {
        var status = stat()
        guard (followsLinks ? stat(path, &status) : lstat(path, &status)) == 0 else {
            return errno != ENOENT && errno != ENOTDIR
        }
        return self == FileNumber(status)
    }

    private init(_ status: stat) {
        device = status.st_dev
        inode = status.st_ino
    }
}
