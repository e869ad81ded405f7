private import Glibc
internal import SystemSupport

/// The names, modes, owners, sizes and times of a folder's files, without what is in them; and how full the disk is.
struct FolderListing {
    private static let (mostFiles, mostLevels) = (2000, 4)

    private(set) var lines: [String] = []
    private var count = 0

    /// Links are not followed. Blocks.
    init(of path: String) {
        var disk = statvfs()
        if statvfs(path, &disk) == 0 {
            let block = UInt64(disk.f_frsize)
            lines.append(
                "disk of \(path): \(UInt64(disk.f_blocks) * block) bytes, \(UInt64(disk.f_bavail) * block) free for this user, "
                    + "\(disk.f_files) inodes, \(disk.f_favail) free")
        } else {
            lines.append("\(SystemCallError("statvfs", path: path))")
        }
        lines.append("mode owner group bytes on-disk changed name")
        add(path, level: 0)
        if count > Self.mostFiles { lines.append("and \(count - Self.mostFiles) more") }
    }

    private mutating func add(_ path: String, level: Int) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            lines.append("\(SystemCallError("lstat", path: path))")
            return
        }
        count += 1
        if count <= Self.mostFiles {
            let mode = String(status.st_mode, radix: 8)
            lines.append(
                "\(mode) \(status.st_uid) \(status.st_gid) \(status.st_size) \(status.st_blocks * 512) "
                    + "\(TimeText.write(Int64(status.st_mtim.tv_sec))) \(path)")
        }
        guard status.st_mode & S_IFMT == S_IFDIR, level < Self.mostLevels, count <= Self.mostFiles else { return }
        do {
            for name in try Directory(path: path).names().sorted() { add("\(path)/\(name)", level: level + 1) }
        } catch {
            lines.append("\(error)")
        }
    }
}

/// The end of a file.
enum FileEnd {
    /// The last bytes of a regular file, from the beginning of a line; of another one that can be read at once, as those of `/proc`, the first.
    /// Never waits for the writer of a pipe.
    static func read(_ path: String, limit: Int) throws -> [UInt8] {
        let descriptor = try SystemCallError.retrying("open", path: path) {
            open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemCallError("fstat", path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw InspectionError(.unreadable, "\(path) is no regular file")
        }
        let start = max(0, Int(status.st_size) - limit)
        if start > 0, lseek(descriptor, start, SEEK_SET) < 0 { throw SystemCallError("lseek", path: path) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count < limit {
            let wanted = min(block.count, limit - bytes.count)
            let count = try SystemCallError.retrying("read", path: path) { Glibc.read(descriptor, &block, wanted) }
            if count == 0 { break }
            bytes += block[..<count]
        }
        guard start > 0 else { return bytes }
        return bytes.firstIndex(of: UInt8(ascii: "\n")).map { Array(bytes[($0 + 1)...]) } ?? []
    }
}
