#if canImport(Glibc)
    private import Glibc
#elseif canImport(Darwin)
    private import Darwin
#endif

/// The system calls that files and pipes are written with. Each answers its result or the error, and is tried again when a
/// signal interrupted it.
struct FileSystem: Sendable {
    /// Which file a path or a descriptor means, and what it is.
    struct Status: Sendable {
        enum Kind: Sendable { case regular, characterDevice, directory, other }

        var device: UInt64
        var inode: UInt64
        var size: Int
        var kind: Kind

        func isSameFile(as other: Status) -> Bool {
            device == other.device && inode == other.inode
        }
    }

    /// Writes some of the bytes; answers how many. Replaced in tests by what disks and pipes do on bad days.
    var write: @Sendable (_ descriptor: CInt, _ bytes: ArraySlice<UInt8>) throws(FileSystemError) -> Int = {
        (descriptor, bytes) throws(FileSystemError) in
        try FileSystem.retrying { Int(bytes.withUnsafeBytes { Self.writeBytes(descriptor, $0) }) }
    }

    /// Opens for reading and appending, and makes the file if there is none.
    func open(_ path: String) throws(FileSystemError) -> CInt {
        CInt(
            try Self.retrying {
                #if canImport(Glibc)
                    Int(Glibc.open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o640))
                #else
                    Int(Darwin.open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o640))
                #endif
            })
    }

    func close(_ descriptor: CInt) {
        #if canImport(Glibc)
            _ = Glibc.close(descriptor)
        #else
            _ = Darwin.close(descriptor)
        #endif
    }

    /// Takes the file for this descriptor alone; throws if another has it. Does nothing on file systems without locks.
    func lock(_ descriptor: CInt) throws(FileSystemError) {
        do throws(FileSystemError) {
            _ = try Self.retrying { Int(flock(descriptor, LOCK_EX | LOCK_NB)) }
        } catch {
            if error.wouldBlock { throw error }
        }
    }

    func read(_ descriptor: CInt, at offset: Int, into buffer: inout [UInt8]) throws(FileSystemError) -> Int {
        try Self.retrying {
            buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
        }
    }

    func truncate(_ descriptor: CInt, to size: Int) throws(FileSystemError) {
        _ = try Self.retrying { Int(ftruncate(descriptor, off_t(size))) }
    }

    func status(_ descriptor: CInt) throws(FileSystemError) -> Status {
        var raw = stat()
        _ = try Self.retrying { Int(fstat(descriptor, &raw)) }
        return Status(raw)
    }

    func status(ofPath path: String) throws(FileSystemError) -> Status {
        var raw = stat()
        _ = try Self.retrying { Int(stat(path, &raw)) }
        return Status(raw)
    }

    /// Waits until the descriptor can be written to again.
    func waitUntilWritable(_ descriptor: CInt) throws(FileSystemError) {
        var waiter = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = try Self.retrying { Int(poll(&waiter, 1, -1)) }
    }

    private static func writeBytes(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }

    private static func retrying(_ call: () -> Int) throws(FileSystemError) -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw FileSystemError(code: code) }
        }
    }
}

extension FileSystem.Status {
    fileprivate init(_ raw: stat) {
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        size = Int(raw.st_size)
        switch raw.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFCHR: kind = .characterDevice
        case S_IFDIR: kind = .directory
        default: kind = .other
        }
    }
}

extension FileSystem {
    /// Writes all bytes, in one call unless the system takes fewer; waits where it must.
    ///
    /// - Parameter written: how many were written, also when it throws.
    func writeAll(_ descriptor: CInt, _ bytes: [UInt8], written: inout Int) throws(FileSystemError) {
        written = 0
        while written < bytes.count {
            do throws(FileSystemError) {
                written += try write(descriptor, bytes[written...])
            } catch {
                guard error.wouldBlock else { throw error }
                try waitUntilWritable(descriptor)
            }
        }
    }
}

/// A system call's `errno`.
struct FileSystemError: Error, Hashable, CustomStringConvertible {
    let code: CInt

    var description: String { SystemError.text(code) }

    /// The other end of a pipe is gone.
    var isBrokenPipe: Bool { code == EPIPE }
    /// Nothing can be written without waiting.
    var wouldBlock: Bool { code == EAGAIN || code == EWOULDBLOCK }
}
