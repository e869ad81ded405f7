internal import Glibc
internal import SystemSupport

/// The two ends of a connection's socket, in the words of the kernel.
enum SocketEnds: Hashable, Sendable {
    /// Over TCP: how `/proc/net/tcp` (or, the second text, `/proc/net/tcp6`) writes the other end's socket, as `LOCAL REMOTE`. An IPv6 socket
    /// may have connected to an IPv4 address.
    case tcp(ipv4: String?, ipv6: String)
    /// Over a Unix socket, whose other end the kernel names.
    case user(uid_t)

    /// - Returns: `nil` if the socket is not connected any more, or of another kind.
    init?(descriptor: CInt) {
        guard let here = Self.address(descriptor, getsockname) else { return nil }
        switch CInt(here.ss_family) {
        case AF_UNIX:
            // glibc's `struct ucred`, which Swift does not see: process, user, group.
            var peer: (UInt32, UInt32, UInt32) = (0, 0, 0)
            var size = socklen_t(MemoryLayout.size(ofValue: peer))
            guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 else { return nil }
            self = .user(peer.1)
        case AF_INET:
            guard let there = Self.address(descriptor, getpeername) else { return nil }
            let (near, far) = (Self.ipv4(here), Self.ipv4(there))
            let mapped = "0000000000000000\(Self.hex(UInt32(0xffff).bigEndian))"
            self = .tcp(ipv4: "\(far) \(near)", ipv6: "\(mapped)\(far) \(mapped)\(near)")
        case AF_INET6:
            guard let there = Self.address(descriptor, getpeername) else { return nil }
            self = .tcp(ipv4: nil, ipv6: "\(Self.ipv6(there)) \(Self.ipv6(here))")
        default: return nil
        }
    }

    private static func address(
        _ descriptor: CInt, _ call: (CInt, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> CInt
    ) -> sockaddr_storage? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(descriptor, $0, &size) }
        }
        return result == 0 ? storage : nil
    }

    private static func ipv4(_ storage: sockaddr_storage) -> String {
        let address = withUnsafeBytes(of: storage) { $0.loadUnaligned(as: sockaddr_in.self) }
        return "\(hex(address.sin_addr.s_addr)):\(hex(UInt16(bigEndian: address.sin_port)))"
    }

    private static func ipv6(_ storage: sockaddr_storage) -> String {
        let address = withUnsafeBytes(of: storage) { $0.loadUnaligned(as: sockaddr_in6.self) }
        let words = withUnsafeBytes(of: address.sin6_addr) { bytes in
            (0..<4).map { hex(bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)) }
        }
        return "\(words.joined()):\(hex(UInt16(bigEndian: address.sin6_port)))"
    }

    /// The number as the kernel's `%08X` or `%04X` writes it; of an address the bytes as they lie in memory, taken for a number.
    private static func hex<Number: FixedWidthInteger & UnsignedInteger>(_ number: Number) -> String {
        let digits = String(number, radix: 16, uppercase: true)
        return String(repeating: "0", count: Number.bitWidth / 4 - digits.utf8.count) + digits
    }
}
