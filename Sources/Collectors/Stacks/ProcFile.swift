internal import Glibc

/// Reads files of `/proc`. They have no size beforehand, and any of them can be gone or forbidden at any time.
enum ProcFile {
    /// The file's bytes, at most `limit`.
    ///
    /// - Throws: `SystemError`; `ENOENT` and `ESRCH` mean that the process is gone, `EACCES` and `EPERM` that it is not ours to look at.
    static func bytes(_ path: String, limit: Int = 1024 * 1024) throws(SystemError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open", path, code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 16 * 1024)
        while bytes.count < limit {
            let count = read(descriptor, &block, block.count)
            let code = errno
            if count < 0 && code == EINTR { continue }
            guard count >= 0 else { throw SystemError("read", path, code: code) }
            if count == 0 { break }
            bytes.append(contentsOf: block.prefix(min(count, limit - bytes.count)))
        }
        return bytes
    }

    static func text(_ path: String, limit: Int = 1024 * 1024) throws(SystemError) -> String {
        String(decoding: try bytes(path, limit: limit), as: UTF8.self)
    }

    /// Where a symbolic link of `/proc` points, or `nil`.
    static func link(_ path: String) -> String? {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &target, target.count)
        return count < 0 ? nil : String(decoding: target.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The names in a directory of `/proc` that are numbers: processes in `/proc`, threads in `/proc/PID/task`. Sorted.
    static func numbers(in path: String) -> [Int32] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var numbers: [Int32] = []
        while let entry = readdir(stream) {
            let number = withUnsafeBytes(of: &entry.pointee.d_name) { name in
                Int32(String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
            }
            if let number { numbers.append(number) }
        }
        return numbers.sorted()
    }
}
