private import Glibc
private import SystemPackage

/// A small file that is read in one go, and replaced so that its readers always find it whole.
package struct WholeFile: Sendable {
    /// Whether a file outlives a power cut.
    package enum Durability: Sendable {
        /// After a power cut an older one may be there.
        case process
        /// Synced, and its folder too where the file system can.
        case power
    }

    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// The bytes from the start, at most `limit`. Blocks for as long as the disk does, but never for a named pipe's writer.
    ///
    /// - Throws: `SystemCallError`; `.noSuchFileOrDirectory` where there is none.
    package func read(limit: Int, followsLinks: Bool = true) throws(SystemCallError) -> [UInt8] {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followsLinks ? 0 : O_NOFOLLOW)
        let descriptor = try SystemCallError.retrying("open", path: path) { open(path, flags) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: min(64 * 1024, max(1, limit)))
        while bytes.count < limit {
            let wanted = min(block.count, limit - bytes.count)
            let count = try SystemCallError.retrying("read", path: path) { Glibc.read(descriptor, &block, wanted) }
            if count == 0 { break }
            bytes += block[..<count]
        }
        return bytes
    }

    /// Writes the bytes beside the file, as `<path>.new`, and renames them into place. Where that fails the file is what it was.
    ///
    /// - Parameters:
    ///   - mode: exactly this, whatever the umask.
    ///   - keepsOwner: whether a file that was another user's stays theirs, where root writes it.
    package func replace(
        with bytes: [UInt8], mode: UInt32 = 0o600, lasting durability: Durability = .power, keepsOwner: Bool = false
    ) throws(SystemCallError) {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = try SystemCallError.retrying("open", path: temporary) {
            open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        }
        do throws(SystemCallError) {
            defer { close(descriptor) }
            var status = stat()
            if keepsOwner, geteuid() == 0, lstat(path, &status) == 0 {
                _ = fchown(descriptor, status.st_uid, status.st_gid)
            }
            guard fchmod(descriptor, mode) == 0 else { throw SystemCallError("chmod", path: temporary) }
            try Self.writeAll(bytes, to: descriptor, path: temporary)
            if durability == .power, fsync(descriptor) != 0 { throw SystemCallError("fsync", path: temporary) }
            guard rename(temporary, path) == 0 else { throw SystemCallError("rename", path: temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        // Where a file system can't sync a folder, there is nothing more to do.
        if durability == .power { try? Directory(path: Directory.parent(of: path)).synchronize() }
    }

    /// Moves the file out of the way, under its name and a suffix; what had that name before is gone.
    package func setAside(suffix: String) throws(SystemCallError) {
        guard rename(path, path + suffix) == 0 else { throw SystemCallError("rename", path: path) }
    }

    /// Writes into a file that is there, as those of `/proc` want it: one call, nothing replaced.
    package static func write(_ bytes: [UInt8], over path: String) throws(SystemCallError) {
        let descriptor = try SystemCallError.retrying("open", path: path) { open(path, O_WRONLY | O_CLOEXEC) }
        defer { close(descriptor) }
        try writeAll(bytes, to: descriptor, path: path)
    }

    /// Writes all bytes, in one call unless the system takes fewer.
    ///
    /// - Throws: `SystemCallError`; `.noSpace` also where the system took none and gave no reason.
    package static func writeAll(_ bytes: [UInt8], to descriptor: CInt, path: String? = nil) throws(SystemCallError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try SystemCallError.retrying("write", path: path) {
                rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            }
            guard count > 0 else { throw SystemCallError("write", path: path, code: .noSpace) }
            rest = rest.dropFirst(count)
        }
    }
}
