private import Glibc

/// A system call that failed.
struct SystemFailure: Error, Hashable {
    let call: String
    /// The value of `errno` after it.
    let code: CInt
}

/// What the journal asks of the file system: system calls, with nothing around them, so that tests can make each fail.
protocol FileSystem: Sendable {
    func open(_ path: String, flags: CInt) throws(SystemFailure) -> CInt
    func close(_ descriptor: CInt)
    func length(_ descriptor: CInt) throws(SystemFailure) -> UInt64
    func read(_ descriptor: CInt, into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemFailure)
        -> Int
    func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemFailure) -> Int
    func truncate(_ descriptor: CInt, to length: UInt64) throws(SystemFailure)
    func synchronize(_ descriptor: CInt) throws(SystemFailure)
    func makeDirectory(_ path: String) throws(SystemFailure)
    func names(in path: String) throws(SystemFailure) -> [String]
    func rename(_ path: String, to newPath: String) throws(SystemFailure)
    func remove(_ path: String) throws(SystemFailure)
}

/// The real file system.
struct PosixFileSystem: FileSystem {
    func open(_ path: String, flags: CInt) throws(SystemFailure) -> CInt {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemFailure(call: "open", code: errno) }
        return descriptor
    }

    func close(_ descriptor: CInt) {
        _ = Glibc.close(descriptor)
    }

    func length(_ descriptor: CInt) throws(SystemFailure) -> UInt64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemFailure(call: "fstat", code: errno) }
        return UInt64(status.st_size)
    }

    func read(
        _ descriptor: CInt, into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(SystemFailure) -> Int {
        let count = pread(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
        guard count >= 0 else { throw SystemFailure(call: "read", code: errno) }
        return count
    }

    func write(
        _ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(SystemFailure) -> Int {
        let count = pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
        guard count >= 0 else { throw SystemFailure(call: "write", code: errno) }
        return count
    }

    func truncate(_ descriptor: CInt, to length: UInt64) throws(SystemFailure) {
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw SystemFailure(call: "ftruncate", code: errno) }
    }

    func synchronize(_ descriptor: CInt) throws(SystemFailure) {
        guard fdatasync(descriptor) == 0 else { throw SystemFailure(call: "fdatasync", code: errno) }
    }

    func makeDirectory(_ path: String) throws(SystemFailure) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw SystemFailure(call: "mkdir", code: errno) }
    }

    func names(in path: String) throws(SystemFailure) -> [String] {
        guard let directory = opendir(path) else { throw SystemFailure(call: "opendir", code: errno) }
        defer { closedir(directory) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw SystemFailure(call: "readdir", code: errno) }
        return names
    }

    func rename(_ path: String, to newPath: String) throws(SystemFailure) {
        guard Glibc.rename(path, newPath) == 0 else { throw SystemFailure(call: "rename", code: errno) }
    }

    func remove(_ path: String) throws(SystemFailure) {
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemFailure(call: "unlink", code: errno) }
    }
}
