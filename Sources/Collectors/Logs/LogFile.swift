internal import Glibc
internal import SystemPackage
internal import SystemSupport

/// An open log file: a descriptor for reading at given offsets, closed with the object.
final class LogFile {
    let path: String
    let identity: FileIdentity
    private let descriptor: CInt
    /// `SEEK_DATA` (`lseek(2)`), which Glibc's module doesn't show.
    private static let seekData: CInt = 3

    /// Opens a regular file and nothing else; never waits, not even for a named pipe's writer.
    ///
    /// - Throws: `SystemCallError`; `.invalidArgument` for anything but a regular file.
    init(path: String) throws(SystemCallError) {
        let descriptor = try SystemCallError.retrying("open", path: path) {
            open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        }
        do throws(SystemCallError) {
            let status = try FileStatus(descriptor: descriptor, path: path)
            guard status.isRegular else { throw SystemCallError("follow", path: path, code: .invalidArgument) }
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

    func status() throws(SystemCallError) -> FileStatus {
        try FileStatus(descriptor: descriptor, path: path)
    }

    /// Reads up to the buffer's size from `offset` on; 0 at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemCallError) -> Int {
        try SystemCallError.retrying("read", path: path) {
            pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
        }
    }

    /// Where the next data begins at or after `offset`; `nil` if there is none, or the file system can't tell.
    func nextData(from offset: UInt64) -> UInt64? {
        let data = lseek(descriptor, off_t(offset), Self.seekData)
        return data < 0 ? nil : UInt64(data)
    }

    /// The `count` bytes from `offset` on, fewer at the end of the file.
    func bytes(at offset: UInt64, count: Int) throws(SystemCallError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(SystemCallError) in try read(into: buffer, at: offset) }
        }
        bytes.removeLast(count - (try result.get()))
        return bytes
    }
}
