internal import Glibc
internal import SystemSupport

/// A dump file as it was last looked at.
struct FlightRecorderFile: Hashable, Sendable {
    /// More is not taken: 20,000 entries of PyTorch 2.15 take 2.5 MB.
    static let mostBytes = 64 << 20
    /// So many names of a folder are looked at.
    private static let mostNames = 100_000

    let rank: Int
    let path: String
    let size: UInt64
    /// In nanoseconds since 1970.
    let modified: Int64
    let identity: FileIdentity

    /// In whole seconds since 1970.
    var time: Int64 { modified / 1_000_000_000 }

    /// The regular files at the prefixes, links not followed. Blocks on the file system.
    ///
    /// - Returns: what there is, and why folders could not be looked at, by their paths.
    static func all(at prefixes: [FlightRecorderPlaces.Prefix]) -> (
        dumps: [FlightRecorderFile], problems: [String: String]
    ) {
        var dumps: [FlightRecorderFile] = []
        var problems: [String: String] = [:]
        var names: [String: [String]] = [:]
        for prefix in prefixes {
            if names[prefix.folder] == nil {
                do throws(SystemCallError) {
                    names[prefix.folder] = try Directory(path: prefix.folder).names()
                } catch {
                    names[prefix.folder] = []
                    problems[prefix.folder] = "\(error)"
                }
            }
            for name in (names[prefix.folder] ?? []).prefix(mostNames) {
                guard let rank = prefix.rank(of: name),
                    let dump = FlightRecorderFile(rank: rank, path: prefix.folder + "/" + name)
                else { continue }
                dumps.append(dump)
            }
        }
        return (dumps, problems)
    }

    /// `nil` for anything but a regular file.
    init?(rank: Int, path: String) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        self.rank = rank
        self.path = path
        size = UInt64(max(0, status.st_size))
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// The whole content.
    ///
    /// - Throws: `SystemCallError`; a refusal for what is no regular file any more or too large.
    func read() throws(SystemCallError) -> [UInt8] {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW
        let descriptor = try SystemCallError.retrying("open", path: path) { open(path, flags) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemCallError("stat", path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemCallError("read", path: path, refusal: "it is no regular file")
        }
        guard status.st_size <= Self.mostBytes else {
            throw SystemCallError(
                "read", path: path,
                refusal: "it has \(status.st_size) bytes, more than the \(Self.mostBytes) that are taken")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let read = try SystemCallError.retrying("read", path: path) {
                bytes[count...].withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            }
            if read == 0 { break }
            count += read
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Whether the file ends as a whole dump does: a pickle with its STOP, JSON with a brace. `false` where it can't be looked at.
    var endsWhole: Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var end = [UInt8](repeating: 0, count: 8)
        let count = pread(descriptor, &end, end.count, off_t(size - min(size, UInt64(end.count))))
        let tail = end.prefix(max(0, count))
        let last = tail.last { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
        return tail.last == UInt8(ascii: ".") || last == UInt8(ascii: "}")
    }
}
