internal import Glibc
internal import SystemPackage
internal import SystemSupport

/// Opens a log at the end of its path, and sees to it that nobody has what they may not read read for them.
///
/// Whoever may write to a log's folder can put a link to any file in the log's place, and whatever runs as root would read it. So a link that
/// another user could have made is followed only to a file of that user's, or to one that everybody may read. A second name counts as such a
/// link where the kernel lets users give one to files of others. Links of root's and of the own user's go anywhere, as kubelet's in
/// `/var/log/containers` do. The kernel's own rule (`fs.protected_symlinks` in proc(5)) is about sticky folders only.
struct LogPath {
    /// As the kernel (path_resolution(7)).
    private static let mostLinks = 40
    /// `O_PATH` (open(2)), which Glibc's module doesn't show.
    private static let onlyPath: CInt = 0o10_000_000

    private let path: String
    private var folder: CInt = -1
    /// The users who could have made one of the links on the way, and one of these.
    private var linkers: Set<uid_t> = []
    private var link = ""
    /// Whether everybody may go the way that was passed.
    private var isPublic = true

    /// The file for reading, which may be of any kind; never waits for the other end of a pipe.
    ///
    /// - Throws: `SystemCallError`; one with `isRefusal` where somebody else wants it read.
    static func open(_ path: String) throws(SystemCallError) -> CInt {
        var log = LogPath(path: path)
        defer { if log.folder >= 0 { close(log.folder) } }
        return try log.walk()
    }

    /// Why the file is not to be read, because of the way to it; `nil` if it is, or can't be opened anyway.
    static func refusal(_ path: String) -> SystemCallError? {
        do throws(SystemCallError) {
            close(try open(path))
            return nil
        } catch {
            return error.isRefusal ? error : nil
        }
    }

    private init(path: String) {
        self.path = path
    }

    /// Each folder is held open while the next name is looked up in it, so that nobody can put something else in its place meanwhile.
    private mutating func walk() throws(SystemCallError) -> CInt {
        var rest = Self.components(of: Directory.absolute(path))[...]
        var links = 0
        enter(try opened("/", in: AT_FDCWD, Self.onlyPath | O_DIRECTORY))
        while let name = rest.popFirst() {
            let next = try opened(name, in: folder, Self.onlyPath | O_NOFOLLOW)
            let status = try status(next, closesOnError: true)
            switch status.st_mode & S_IFMT {
            case S_IFLNK:
                defer { close(next) }
                links += 1
                guard links <= Self.mostLinks else {
                    throw SystemCallError("open", path: path, code: .tooManySymbolicLinkLevels)
                }
                try note(link: name, status)
                if isInProc {
                    // What the kernel calls a link there leads to the file itself.
                    guard rest.isEmpty else {
                        enter(try opened(name, in: folder, Self.onlyPath | O_DIRECTORY))
                        continue
                    }
                    return try checked(try opened(name, in: folder, Self.reading))
                }
                let target = try target(of: next)
                if target.hasPrefix("/") { enter(try opened("/", in: AT_FDCWD, Self.onlyPath | O_DIRECTORY)) }
                rest = Self.components(of: target) + rest
            case S_IFDIR where !rest.isEmpty:
                isPublic = isPublic && status.st_mode & S_IXOTH != 0
                enter(next)
            default:
                close(next)
                guard rest.isEmpty else { throw SystemCallError("open", path: path, code: .notDirectory) }
                return try checked(try opened(name, in: folder, Self.reading | O_NOFOLLOW))
            }
        }
        return try opened(".", in: folder, Self.reading)
    }

    private static let reading = O_RDONLY | O_NONBLOCK | O_NOCTTY

    private mutating func enter(_ next: CInt) {
        if folder >= 0 { close(folder) }
        folder = next
    }

    private func opened(_ name: String, in folder: CInt, _ flags: CInt) throws(SystemCallError) -> CInt {
        try SystemCallError.retrying("open", path: path) { openat(folder, name, flags | O_CLOEXEC) }
    }

    private func status(_ descriptor: CInt, closesOnError: Bool = false) throws(SystemCallError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = SystemCallError("stat", path: path)
            if closesOnError { close(descriptor) }
            throw error
        }
        return status
    }

    private func target(of link: CInt) throws(SystemCallError) -> String {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try SystemCallError.retrying("read the link", path: path) {
            bytes.withUnsafeMutableBytes { bytes in
                bytes.baseAddress.map { readlinkat(link, "", $0, bytes.count) } ?? 0
            }
        }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    private var isInProc: Bool {
        var there = stat()
        var proc = stat()
        return fstat(folder, &there) == 0 && stat("/proc", &proc) == 0 && there.st_dev == proc.st_dev
    }

    /// A link that only root or the own user can have put there may lead anywhere.
    private mutating func note(link name: String, _ status: stat) throws(SystemCallError) {
        guard !TrustedPath.isOurs(status.st_uid), try isFolderOpen else { return }
        linkers.insert(status.st_uid)
        link = name
    }

    /// Whether others may put something into the folder.
    private var isFolderOpen: Bool {
        get throws(SystemCallError) {
            let status = try status(folder)
            // An access list that lets others write shows as the group's right, through its mask (acl(5)).
            return !TrustedPath.isOurs(status.st_uid) || status.st_mode & (S_IWOTH | S_IWGRP) != 0
        }
    }

    private func checked(_ file: CInt) throws(SystemCallError) -> CInt {
        do throws(SystemCallError) {
            let status = try status(file)
            let isReadableByAll = isPublic && status.st_mode & S_IROTH != 0
            if let linker = linkers.first(where: { $0 != status.st_uid }), !isReadableByAll {
                throw SystemCallError(
                    "follow", path: path,
                    refusal:
                        "user \(linker) has made the link \(link), which leads to a file of user \(status.st_uid)'s")
            }
            if status.st_nlink > 1, status.st_mode & S_IFMT == S_IFREG, !isReadableByAll, try mayBeLinked(status) {
                throw SystemCallError(
                    "follow", path: path,
                    refusal:
                        "it has a second name, which another user can have given to a file of user \(status.st_uid)'s")
            }
        } catch {
            close(file)
            throw error
        }
        return file
    }

    /// Whether one who may not read the file can have given it the name in the folder.
    private func mayBeLinked(_ status: stat) throws(SystemCallError) -> Bool {
        guard !Self.kernelProtectsFiles, try isFolderOpen else { return false }
        let folder = try self.status(folder)
        let isShared = folder.st_mode & (S_IWOTH | S_IWGRP) != 0
        return isShared || folder.st_uid != status.st_uid
    }

    /// `fs.protected_hardlinks` (proc(5)): users can't give second names to files that they may not both read and write.
    private static let kernelProtectsFiles: Bool =
        (try? WholeFile(path: "/proc/sys/fs/protected_hardlinks").read(limit: 1)) == [UInt8(ascii: "1")]

    private static func components(of path: String) -> [String] {
        path.split(separator: "/").map(String.init).filter { $0 != "." }
    }
}
