private import Glibc
private import SystemPackage
package import SystemSupport

/// The end of a log as it is in the file now, also what was not read or reported yet.
package struct LastLines: Hashable, Sendable {
    /// At most so much of each log, in bytes.
    package static let mostBytes = 64 << 10

    /// Whole lines from the first on; the last may lack its end.
    package let bytes: [UInt8]
    /// When the file was last written, in whole seconds since 1970, by the clock of the node.
    package let modified: Int64

    /// Reads the file's end. Blocks for as long as the disk does.
    ///
    /// - Parameter descriptor: of the log, which stays open.
    package init(of descriptor: CInt, path: String) throws(SystemCallError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemCallError("stat", path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemCallError("read", path: path, refusal: "it is not a regular file")
        }
        let start = max(0, Int(status.st_size) - Self.mostBytes)
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size) - start)
        var count = 0
        while count < bytes.count {
            let read = try SystemCallError.retrying("read", path: path) {
                bytes.withUnsafeMutableBytes { buffer in
                    pread(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count, off_t(start + count))
                }
            }
            if read == 0 { break }
            count += read
        }
        bytes.removeLast(bytes.count - count)
        if start > 0, let end = bytes.firstIndex(of: 0x0A) { bytes.removeFirst(end + 1) }
        self.bytes = bytes
        modified = Int64(status.st_mtim.tv_sec)
    }
}
