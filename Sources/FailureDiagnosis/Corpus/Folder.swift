private import Glibc

/// Listing a folder.
enum Folder {
    /// The names of what is in a folder, in order.
    static func names(in path: String) throws(RuleTableError) -> [String] {
        guard let stream = opendir(path) else {
            throw RuleTableError(
                place: path, reason: "the folder cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
