private import Glibc
internal import SystemPackage
internal import SystemSupport

/// What the journal asks of the file system: system calls, with nothing around them, so that tests can make each fail.
protocol FileSystem: Sendable {
    func open(_ path: String, flags: CInt) throws(SystemCallError) -> CInt
    func close(_ descriptor: CInt)
    func length(_ descriptor: CInt) throws(SystemCallError) -> UInt64
    func read(_ descriptor: CInt, into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(SystemCallError) -> Int
    func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemCallError) -> Int
    func truncate(_ descriptor: CInt, to length: UInt64) throws(SystemCallError)
    func synchronize(_ descriptor: CInt) throws(SystemCallError)
    func makeDirectory(_ path: String) throws(SystemCallError)
    func names(in path: String) throws(SystemCallError) -> [String]
    func rename(_ path: String, to newPath: String) throws(SystemCallError)
    func remove(_ path: String) throws(SystemCallError)
}

/// The real file system. Its errors name no path: `Files` knows it, and says it in a `JournalError`.
struct PosixFileSystem: FileSystem {
    func open(_ path: String, flags: CInt) throws(SystemCallError) -> CInt {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemCallError("open") }
        return descriptor
    }

    func close(_ descriptor: CInt) {
        _ = Glibc.close(descriptor)
    }

    func length(_ descriptor: CInt) throws(SystemCallError) -> UInt64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemCallError("fstat") }
        return UInt64(status.st_size)
    }

    func read(
        _ descriptor: CInt, into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(SystemCallError) -> Int {
        let count = pread(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
        guard count >= 0 else { throw SystemCallError("read") }
        return count
    }

    func write(
        _ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(SystemCallError) -> Int {
        let count = pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
        guard count >= 0 else { throw SystemCallError("write") }
        return count
    }

    func truncate(_ descriptor: CInt, to length: UInt64) throws(SystemCallError) {
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw SystemCallError("truncate") }
    }

    func synchronize(_ descriptor: CInt) throws(SystemCallError) {
        guard fdatasync(descriptor) == 0 else { throw SystemCallError("fdatasync") }
    }

    func makeDirectory(_ path: String) throws(SystemCallError) {
        try Directory(path: path).make(mode: 0o700)
    }

    func names(in path: String) throws(SystemCallError) -> [String] {
        try Directory(path: path).names()
    }

    func rename(_ path: String, to newPath: String) throws(SystemCallError) {
        guard Glibc.rename(path, newPath) == 0 else { throw SystemCallError("rename") }
    }

    func remove(_ path: String) throws(SystemCallError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemCallError("unlink") }
    }
}
