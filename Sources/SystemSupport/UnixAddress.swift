package import Glibc

/// The address of a Unix socket (unix(7)).
package enum UnixAddress {
    /// How long a path may be, in bytes, with its closing zero in `sockaddr_un.sun_path`.
    package static let longestPath = 107

    /// Calls with the path as an address. A longer path is cut off: check it before.
    package static func with(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// Calls with a name in the abstract namespace, which has no file and no closing zero. A longer name is cut off: check it before.
    package static func with(abstract name: some StringProtocol, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt)
        -> CInt
    {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = [0] + name.utf8.prefix(longestPath)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        // A stored property has an offset.
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + bytes.count
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }

    /// Whether a socket is at the path and nobody listens on it any more. Never waits.
    package static func isRefused(_ path: String) -> Bool {
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return with(path) { connect(descriptor, $0, $1) } != 0 && errno == ECONNREFUSED
    }
}
