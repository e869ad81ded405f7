internal import Diagnosis
internal import Glibc
internal import LogText
internal import SystemSupport

/// The part of `stat(2)` that following a file needs.
struct FileStatus {
    let identity: FileIdentity
    /// In bytes.
    let size: UInt64
    /// In nanoseconds since 1970.
    let modified: Int64
    /// When the content, the name or the rights were last changed, in nanoseconds since 1970.
    let changed: Int64
    /// When this was asked, in nanoseconds since 1970.
    let asked: Int64
    let isRegular: Bool
    let isDirectory: Bool
    /// Whether no directory names the file any more.
    let isUnlinked: Bool

    /// Follows symbolic links.
    ///
    /// - Throws: `SystemCallError`; `.noSuchFileOrDirectory` where there is none.
    init(path: String) throws(SystemCallError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw SystemCallError("stat", path: path) }
        self.init(status)
    }

    init(descriptor: CInt, path: String) throws(SystemCallError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemCallError("stat", path: path) }
        self.init(status)
    }

    private init(_ status: stat) {
        identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        size = UInt64(max(0, status.st_size))
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
        asked = Int64(clamping: WallClock.nanoseconds())
        isRegular = status.st_mode & S_IFMT == S_IFREG
        isDirectory = status.st_mode & S_IFMT == S_IFDIR
        isUnlinked = status.st_nlink == 0
    }

    /// Whether nothing can have been written in between: size and time of change are the same, and that change was old enough then. The file
    /// system's clock ticks every 1 to 10 ms and could hide a second change right after the first (git calls such files racily clean).
    func isUnchanged(since earlier: FileStatus) -> Bool {
        size == earlier.size && modified == earlier.modified && earlier.asked - earlier.modified > 20_000_000
    }
}

/// Which file it is, whatever its name. The inode number of a deleted file is used again, so this alone proves nothing.
struct FileIdentity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
}

/// Tells whether a file is still the one that was read up to an offset: hashes of its head and of the bytes just before the offset.
///
/// It detects an inode number that another file has got, and a file that was truncated and has grown past the offset again, even where every
/// file begins with the same lines.
struct FileMark: Hashable, Sendable {
    /// How many bytes each end of a mark covers at most. With fewer, small files that share their first line would pass for the same file
    /// (vectordotdev/vector#445).
    static let length = 256

    /// The first bytes of the file, at most up to the offset.
    let headLength: UInt16
    let headHash: UInt64
    /// The last bytes before the offset.
    let tailLength: UInt16
    let tailHash: UInt64

    init(headLength: UInt16, headHash: UInt64, tailLength: UInt16, tailHash: UInt64) {
        self.headLength = headLength
        self.headHash = headHash
        self.tailLength = tailLength
        self.tailHash = tailHash
    }

    /// - Parameters:
    ///   - head: the file's first bytes, at most `length` and not past the offset.
    ///   - tail: bytes that end at the offset, at most `length`.
    init(head: some Collection<UInt8>, tail: some Collection<UInt8>) {
        headLength = UInt16(head.count)
        headHash = Self.hash(head)
        tailLength = UInt16(tail.count)
        tailHash = Self.hash(tail)
    }

    /// Whether `file` has the same bytes at its head and before `offset` as the file that this mark was made from.
    func matches(_ file: LogFile, offset: UInt64) throws(SystemCallError) -> Bool {
        guard UInt64(headLength) <= offset, UInt64(tailLength) <= offset else { return false }
        let head = try file.bytes(at: 0, count: Int(headLength))
        guard head.count == Int(headLength), Self.hash(head) == headHash else { return false }
        let tail = try file.bytes(at: offset - UInt64(tailLength), count: Int(tailLength))
        return tail.count == Int(tailLength) && Self.hash(tail) == tailHash
    }

    /// Whether a file that begins with `bytes` may be the one that this mark was made from.
    func mayMatch(head bytes: some Collection<UInt8>) -> Bool {
        bytes.count >= headLength && Self.hash(bytes.prefix(Int(headLength))) == headHash
    }

    private static func hash(_ bytes: some Collection<UInt8>) -> UInt64 {
        var hash = StableHash()
        let isDone: Void? = bytes.withContiguousStorageIfAvailable { hash.add(contentsOf: $0) }
        if isDone == nil { Array(bytes).withUnsafeBufferPointer { hash.add(contentsOf: $0) } }
        return hash.value
    }
}
