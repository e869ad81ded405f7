internal import Glibc
internal import SystemSupport

/// Where a publisher takes clients of the network: `tcp://`, an address of this machine, and a port. Replays are at the next port.
public struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    /// What the failing initialiser takes, to follow "must be".
    public static let rule =
        "tcp://, an address of this machine (0.0.0.0, 192.0.2.7, [::], not a name), a colon and a port from 1 to 65534; replays are at the next port"

    let host: String
    let port: UInt16

    /// - Returns: `nil` if the text is no such address.
    public init?(_ text: String) {
        guard text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":"),
            case let digits = text[text.index(after: colon)...], digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(digits), port > 0, port < .max
        else { return nil }
        var host = String(text[text.index(text.startIndex, offsetBy: 6)..<colon])
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        guard host.contains(":") == isBracketed else { return nil }
        self.host = host
        self.port = port
        // Only now is it known whether it is an address.
        guard withAddress({ _, _, _ in true }) == true else { return nil }
    }

    private init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Where the same publisher replays.
    var replay: NetworkAddress { NetworkAddress(host: host, port: port + 1) }

    public var description: String { "tcp://\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// Calls with the address as the system takes it, and its family; `nil` if it is none.
    private func withAddress<Result>(_ body: (CInt, UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result? {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &found) == 0, let found, let address = found.pointee.ai_addr else {
            return nil
        }
        defer { freeaddrinfo(found) }
        return body(found.pointee.ai_family, address, found.pointee.ai_addrlen)
    }

    /// Makes a socket and binds it there.
    ///
    /// - Returns: its descriptor.
    func bound() throws(SystemCallError) -> CInt {
        var failure: SystemCallError?
        let descriptor = withAddress { family, address, length -> CInt in
            let descriptor = socket(family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else {
                failure = SystemCallError("make a socket", path: description)
                return -1
            }
            var one: CInt = 1
            // So that a restart does not wait for old connections' last packets.
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size))
            guard bind(descriptor, address, length) == 0 else {
                failure = SystemCallError("bind", path: description)
                close(descriptor)
                return -1
            }
            return descriptor
        }
        if let failure { throw failure }
        return descriptor ?? -1
    }
}
