internal import Diagnosis
internal import Glibc

/// What `stat(2)` says of a file, as far as a follower wants it.
struct FileStatus {
    let identity: FileIdentity
    /// In bytes.
    let size: UInt64
    /// In nanoseconds since 1970.
    let modified: Int64
    /// When this was asked, in nanoseconds since 1970.
    let asked: Int64
    let isRegular: Bool
    let isDirectory: Bool
    /// Whether no directory names the file any more.
    let isUnlinked: Bool

    /// Follows symbolic links.
    ///
    /// - Throws: `SystemError`, `ENOENT` among them.
    init(path: String) throws(SystemError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw SystemError("look at", path, code: errno) }
        self.init(status)
    }

    init(descriptor: CInt, path: String) throws(SystemError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemError("look at", path, code: errno) }
        self.init(status)
    }

    private init(_ status: stat) {
        identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        size = UInt64(max(0, status.st_size))
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        asked = Int64(clamping: WallClock.nanoseconds())
        isRegular = status.st_mode & S_IFMT == S_IFREG
        isDirectory = status.st_mode & S_IFMT == S_IFDIR
        isUnlinked = status.st_nlink == 0
    }

    /// Whether surely nothing was written in between: neither size nor time of change differ, and the change was not so recent then that the
    /// clock of the file system, which ticks every 1 to 10 ms, could hide another one (git calls such files racily clean).
    func isUnchanged(since earlier: FileStatus) -> Bool {
        size == earlier.size && modified == earlier.modified && earlier.asked - earlier.modified > 20_000_000
    }
}
