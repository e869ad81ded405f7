private import Glibc

/// A small file, read whole.
enum WholeFile {
    /// - Returns: at most `limit` bytes from the start; `nil` if it cannot be read (`errno` says why).
    static func read(_ path: String, limit: Int) -> [UInt8]? {
        guard let descriptor = FileDescriptor.openForReading(path) else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65536)
        while bytes.count < limit {
            let count = Glibc.read(descriptor, &block, min(block.count, limit - bytes.count))
            if count == 0 { break }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            bytes += block[..<count]
        }
        return bytes
    }
}

/// Opening files.
enum FileDescriptor {
    /// Opens without waiting, also a named pipe that nobody writes to.
    static func openForReading(_ path: String) -> Int32? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        return descriptor >= 0 ? descriptor : nil
    }
}
