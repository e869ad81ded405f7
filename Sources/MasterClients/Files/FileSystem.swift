private import Glibc
import SystemPackage
import SystemSupport

/// The system calls that a file of metrics and standard output are written with. Each is tried again when a signal interrupts it.
///
/// The errors have no path: their callers know it.
struct FileSystem: Sendable {
    /// Which file a path or a descriptor means, and what it is.
    struct Status: Sendable {
        enum Kind: Sendable { case regular, characterDevice, directory, other }

        var device: UInt64
        var inode: UInt64
        var size: Int
        var kind: Kind
        var owner: UInt32

        func isSameFile(as other: Status) -> Bool {
            device == other.device && inode == other.inode
        }
    }

    /// Writes some of the bytes and returns how many. Tests replace it to make writes fail as disks and pipes do on bad days.
    var write: @Sendable (_ descriptor: CInt, _ bytes: ArraySlice<UInt8>) throws(SystemCallError) -> Int = {
        (descriptor, bytes) throws(SystemCallError) in
        try SystemCallError.retrying("write") {
            bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        }
    }

    /// Opens for reading and appending, and makes the file if there is none. Follows no link.
    ///
    /// - Parameter path: without links, as `TrustedPath` resolves it; in `/proc` links are the kernel's, and followed.
    func open(_ path: String) throws(SystemCallError) -> CInt {
        let flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        return try SystemCallError.retrying("open") {
            Glibc.open(path, path.hasPrefix("/proc/") ? flags : flags | O_NOFOLLOW, 0o640)
        }
    }

    func close(_ descriptor: CInt) {
        _ = Glibc.close(descriptor)
    }

    /// Locks the file for this descriptor; throws if another one has the lock. Does nothing on file systems without locks.
    func lock(_ descriptor: CInt) throws(SystemCallError) {
        do throws(SystemCallError) {
            _ = try SystemCallError.retrying("flock") { flock(descriptor, LOCK_EX | LOCK_NB) }
        } catch {
            if error.code == .wouldBlock { throw error }
        }
    }

    func read(_ descriptor: CInt, at offset: Int, into buffer: inout [UInt8]) throws(SystemCallError) -> Int {
        try SystemCallError.retrying("read") {
            buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
        }
    }

    func truncate(_ descriptor: CInt, to size: Int) throws(SystemCallError) {
        _ = try SystemCallError.retrying("ftruncate") { ftruncate(descriptor, off_t(size)) }
    }

    func status(_ descriptor: CInt) throws(SystemCallError) -> Status {
        var raw = stat()
        _ = try SystemCallError.retrying("fstat") { fstat(descriptor, &raw) }
        return Status(raw)
    }

    func status(ofPath path: String) throws(SystemCallError) -> Status {
        var raw = stat()
        _ = try SystemCallError.retrying("stat") { stat(path, &raw) }
        return Status(raw)
    }

    /// Waits until the descriptor can be written to again.
    func waitUntilWritable(_ descriptor: CInt) throws(SystemCallError) {
        var waiter = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = try SystemCallError.retrying("poll") { poll(&waiter, 1, -1) }
    }

    /// Writes all bytes, in one call unless the system takes fewer; waits where it must.
    ///
    /// - Parameter written: how many were written, also when it throws.
    func writeAll(_ descriptor: CInt, _ bytes: [UInt8], written: inout Int) throws(SystemCallError) {
        written = 0
        while written < bytes.count {
            do throws(SystemCallError) {
                written += try write(descriptor, bytes[written...])
            } catch {
                guard error.code == .wouldBlock else { throw error }
                try waitUntilWritable(descriptor)
            }
        }
    }
}

extension FileSystem.Status {
    fileprivate init(_ raw: stat) {
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        size = Int(raw.st_size)
        owner = raw.st_uid
        switch raw.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFCHR: kind = .characterDevice
        case S_IFDIR: kind = .directory
        default: kind = .other
        }
    }
}
