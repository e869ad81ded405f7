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
    /// `O_TMPFILE` (`open(2)`), which it doesn't show either.
    private static let withoutName: CInt = 0o20_200_000
    /// Whether it holds what was unpacked from a compressed file: nobody else writes to it.
    let isUnpacked: Bool

    /// Opens a regular file and nothing else; never waits, not even for a named pipe's writer.
    ///
    /// - Throws: `SystemCallError`; `.invalidArgument` for anything but a regular file, and a refusal as `LogPath.open`.
    init(path: String) throws(SystemCallError) {
        let descriptor = try LogPath.open(path)
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
        isUnpacked = false
    }

    /// A file without a name that stands for `other`: what is written to it is read as that one's content.
    ///
    /// - Parameter folder: on a file system with room for what will be written.
    init(withoutNameIn folder: String, for other: LogFile) throws(SystemCallError) {
        descriptor = try SystemCallError.retrying("open", path: folder) {
            open(folder, O_RDWR | O_CLOEXEC | Self.withoutName, 0o600)
        }
        path = other.path
        identity = other.identity
        isUnpacked = true
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

    /// Writes all bytes at `offset`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemCallError) {
        var done = 0
        while done < bytes.count {
            done += try SystemCallError.retrying("write", path: path) {
                pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset) + off_t(done))
            }
        }
    }

    /// Sets when the content was last changed, in nanoseconds since 1970.
    func setTime(_ modified: Int64) throws(SystemCallError) {
        let time = timespec(tv_sec: Int(modified / 1_000_000_000), tv_nsec: Int(modified % 1_000_000_000))
        guard futimens(descriptor, [time, time]) == 0 else { throw SystemCallError("futimens", path: path) }
    }

    /// Where the next data begins at or after `offset`; `UInt64.max` if there is none, `nil` if the file system can't tell.
    func nextData(from offset: UInt64) -> UInt64? {
        let data = lseek(descriptor, off_t(offset), Self.seekData)
        if data < 0 { return errno == ENXIO ? .max : nil }
        return UInt64(data)
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
