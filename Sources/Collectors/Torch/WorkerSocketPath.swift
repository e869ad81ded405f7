internal import Glibc
internal import SystemPackage
internal import SystemSupport

/// A Unix socket of a process, by the path that the process knows: in a container that is another file than ours of that name.
struct WorkerSocketPath: Hashable, Sendable {
    /// `O_PATH` (open(2)), which Glibc's module doesn't show.
    private static let onlyPath: CInt = 0o10_000_000

    /// As the process gave it to `bind`.
    let inProcess: String
    /// The same file as this process reaches it.
    let here: String

    /// May block: call it on a thread that may.
    init(_ path: String, of pid: Int32) {
        inProcess = path
        if !path.hasPrefix("/") {
            here = "/proc/\(pid)/cwd/\(path)"
        } else {
            here = Self.hasOurRoot(pid) ? path : "/proc/\(pid)/root\(path)"
        }
    }

    /// A descriptor that is connected; never waits.
    ///
    /// - Parameter owner: who must listen there. A link inside a container may lead to any socket of the node: nothing is sent to another's.
    /// - Throws: `SystemCallError`.
    func connect(owner: Int32) throws(SystemCallError) -> CInt {
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = try SystemCallError.retrying("make a socket for", path: here) { socket(AF_UNIX, flags, 0) }
        do throws(SystemCallError) {
            try connect(descriptor)
            // glibc's `struct ucred`, which Swift does not see: process, user, group.
            var peer: (Int32, UInt32, UInt32) = (0, 0, 0)
            var size = socklen_t(MemoryLayout.size(ofValue: peer))
            guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 else {
                throw SystemCallError("ask for the listener of", path: here)
            }
            guard peer.0 == owner else {
                throw SystemCallError(
                    "use", path: here, refusal: "process \(peer.0) listens there, and not process \(owner)")
            }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    private func connect(_ descriptor: CInt) throws(SystemCallError) {
        guard here.utf8.count > UnixAddress.longestPath else { return try connect(descriptor, at: here) }
        // A descriptor of its folder makes a path of any length short.
        let folder = Directory.parent(of: here)
        let name = here.split(separator: "/").last ?? ""
        let place = try SystemCallError.retrying("open the folder", path: folder) {
            open(folder, Self.onlyPath | O_DIRECTORY | O_CLOEXEC)
        }
        defer { close(place) }
        try connect(descriptor, at: "/proc/self/fd/\(place)/\(name)")
    }

    private func connect(_ descriptor: CInt, at path: String) throws(SystemCallError) {
        let result = UnixAddress.with(path) { Glibc.connect(descriptor, $0, $1) }
        guard result == 0 else { throw SystemCallError("connect to", path: here) }
    }

    private static func hasOurRoot(_ pid: Int32) -> Bool {
        guard let own = ProcFile.link("/proc/self/ns/mnt"), own == ProcFile.link("/proc/\(pid)/ns/mnt") else {
            return false
        }
        let root = FileNumber(path: "/proc/self/root/", followsLinks: true)
        return root != nil && root == FileNumber(path: "/proc/\(pid)/root/", followsLinks: true)
    }
}
