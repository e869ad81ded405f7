package import GRPCServing
private import SystemSupport

/// Where DLRover's own clients may call: `dlrover+grpc://` or `dlrover+http://` and an address of this machine alone, with a port (0 takes a
/// free one), or `unix:` and the path of a socket, where gRPC is spoken.
///
/// The protocol has no authentication, and a master's answers go through, so nobody may get in of whom the kernel does not say who it is.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// What is allowed, to follow "must be".
    package static let rule = """
        dlrover+grpc:// or dlrover+http://, a loopback address (127.0.0.1, localhost or [::1]), a colon and a port, 0 for a free one; or unix: and the \
        absolute path of a socket, of at most 107 bytes
        """

    /// More addresses than anybody has kinds of clients.
    package static let most = 16

    package let place: ListenPlace
    package let wire: ListenWire

    /// - Returns: `nil` if the text is no such address.
    package init?(_ text: String) {
        if let path = Self.path(text) {
            self.init(.unix(path: path), speaking: .grpc)
            return
        }
        let schemes = ListenWire.allCases.map { (wire: $0, text: "dlrover+\($0.rawValue)://") }
        guard let scheme = schemes.first(where: { text.lowercased().hasPrefix($0.text) }) else { return nil }
        var rest = text.dropFirst(scheme.text.count)
        if rest.hasSuffix("/") { rest.removeLast() }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(digits: rest[rest.index(after: colon)...]),
            let host = Self.loopbackAddress(rest[..<colon].lowercased())
        else { return nil }
        self.init(.tcp(host: host, port: Int(port)), speaking: scheme.wire)
    }

    package init(_ place: ListenPlace, speaking wire: ListenWire) {
        self.place = place
        self.wire = wire
    }

    var isTCP: Bool { if case .tcp = place { true } else { false } }

    /// Whether both can't be listened at: free ports differ.
    func collides(with other: ListenAddress) -> Bool {
        if case .tcp(_, port: 0) = place { return false }
        return place == other.place
    }

    /// The first of these that another one before it has taken already.
    package static func repeated(in addresses: [ListenAddress]) -> ListenAddress? {
        addresses.indices.first { index in
            addresses[..<index].contains { addresses[index].collides(with: $0) }
        }.map { addresses[$0] }
    }

    /// - Returns: `nil` if it is none.
    private static func loopbackAddress(_ text: String) -> String? {
        switch text {
        case "localhost": "127.0.0.1"
        case "[::1]": "::1"
        default: isLoopback(text) ? text : nil
        }
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
        case .tcp(let host, let port): "dlrover+\(wire.rawValue)://\(host.contains(":") ? "[\(host)]" : host):\(port)"
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
