private import Glibc

/// A folder.
package struct Directory: Sendable {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// The names of what is in it, without `.` and `..`, in order. Bytes that are no UTF-8 are replaced.
    package func names() throws(SystemCallError) -> [String] {
        guard let stream = opendir(path) else { throw SystemCallError("open the folder", path: path) }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw SystemCallError("read the folder", path: path) }
        return names.sorted()
    }

    /// Makes it, unless it is there. The folder above it must be.
    package func make(mode: UInt32) throws(SystemCallError) {
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw SystemCallError("make the folder", path: path) }
    }

    /// Makes what was renamed or made in it last over a power cut.
    package func synchronize() throws(SystemCallError) {
        let descriptor = try SystemCallError.retrying("open the folder", path: path) {
            open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SystemCallError("fsync", path: path) }
    }

    /// The path from the root on; a relative one is taken from the current directory.
    package static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return String(cString: current) + "/" + path
    }

    /// The folder that a file is in: `.` for a bare name.
    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
