internal import Glibc

/// An open log file: a descriptor for reading at given offsets, closed with the object.
final class LogFile {
    let path: String
    let identity: FileIdentity
    private let descriptor: CInt

    /// Opens a regular file and nothing else; the call never waits, not even for a FIFO's writer.
    ///
    /// - Throws: `SystemError` with the system's reason; `EINVAL` for what is no regular file.
    init(path: String) throws(SystemError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw SystemError("open", path, code: errno) }
        do throws(SystemError) {
            let status = try FileStatus(descriptor: descriptor, path: path)
            guard status.isRegular else { throw SystemError("follow", path, code: EINVAL) }
            identity = status.identity
        } catch {
            close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    func status() throws(SystemError) -> FileStatus {
        try FileStatus(descriptor: descriptor, path: path)
    }

    /// Reads up to the buffer's size from `offset` on; 0 at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) -> Int {
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            let code = errno
            guard code == EINTR else { throw SystemError("read", path, code: code) }
        }
    }

    /// The `count` bytes from `offset` on, fewer at the end of the file.
    func bytes(at offset: UInt64, count: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(SystemError) in try read(into: buffer, at: offset) }
        }
        bytes.removeLast(count - (try result.get()))
        return bytes
    }
}
