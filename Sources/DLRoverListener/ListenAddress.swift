package import GRPCServing
private import SystemSupport

/// Where DLRover's own clients may call: `dlrover+grpc://` and an address of this machine alone, with a port (0 takes a free one), or `unix:`
/// and the path of a socket.
///
/// The protocol has no authentication, and a master's answers go through, so nobody may get in of whom the kernel does not say who it is.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// What is allowed, to follow "must be".
    package static let rule = """
        dlrover+grpc://, a loopback address (127.0.0.1, localhost or [::1]), a colon and a port, 0 for a free one; or unix: and the \
        absolute path of a socket, of at most 107 bytes
        """

    package let place: ListenPlace

    /// - Returns: `nil` if the text is no such address.
    package init?(_ text: String) {
        if let path = Self.path(text) {
            place = .unix(path: path)
            return
        }
        let scheme = "dlrover+grpc://"
        guard text.lowercased().hasPrefix(scheme) else { return nil }
        var rest = text.dropFirst(scheme.count)
        if rest.hasSuffix("/") { rest.removeLast() }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(digits: rest[rest.index(after: colon)...])
        else { return nil }
        switch rest[..<colon].lowercased() {
        case "localhost": place = .tcp(host: "127.0.0.1", port: Int(port))
        case "[::1]": place = .tcp(host: "::1", port: Int(port))
        case let address where Self.isLoopback(address): place = .tcp(host: address, port: Int(port))
        default: return nil
        }
    }

    package init(_ place: ListenPlace) {
        self.place = place
    }

    /// Whether it is one of 127.0.0.0/8.
    private static func isLoopback(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { ($0 == "0" || !$0.hasPrefix("0")) && UInt8(digits: $0) != nil }
    }

    /// The path of `unix:/path` or `unix:///path`, as grpcio takes them.
    private static func path(_ text: String) -> String? {
        let scheme = "unix:"
        guard text.hasPrefix(scheme) else { return nil }
        var path = text.dropFirst(scheme.count)
        if path.hasPrefix("///") { path = path.dropFirst(2) }
        // What `sockaddr_un` holds, without the closing zero.
        guard path.hasPrefix("/"), !path.hasPrefix("//"), !path.hasSuffix("/"),
            path.utf8.count <= UnixAddress.longestPath,
            !path.utf8.contains(0)
        else { return nil }
        return String(path)
    }

    package var description: String {
        switch place {
        case .tcp(let host, let port): "dlrover+grpc://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// The listener cannot use its address, or can't any more.
package struct ListenError: Error, CustomStringConvertible {
    package let address: ListenAddress
    /// The system's words, as "Address already in use".
    package let reason: String

    init(address: ListenAddress, reason: String) {
        self.address = address
        self.reason = reason
    }

    package var description: String { "cannot listen at \(address): \(reason)" }
}
