/// Where DLRover's own clients may call: `dlrover+grpc://` and an address of this machine alone, with a port; 0 takes a free one.
///
/// The protocol has no authentication, and a master's answers go through, so nobody else may get in.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// What is allowed, to follow "must be".
    package static let rule =
        "dlrover+grpc://, a loopback address (127.0.0.1, localhost or [::1]), a colon and a port, 0 for a free one"

    /// An IPv4 or IPv6 address, without brackets.
    let host: String
    let port: Int

    /// - Returns: `nil` if the text is no such address.
    package init?(_ text: String) {
        let scheme = "dlrover+grpc://"
        guard text.lowercased().hasPrefix(scheme) else { return nil }
        var rest = text.dropFirst(scheme.count)
        if rest.hasSuffix("/") { rest.removeLast() }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]) else {
            return nil
        }
        switch rest[..<colon].lowercased() {
        case "localhost": host = "127.0.0.1"
        case "[::1]": host = "::1"
        case let address where Self.isLoopback(address): host = address
        default: return nil
        }
        self.port = Int(port)
    }

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Whether it is one of 127.0.0.0/8.
    private static func isLoopback(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    var isIPv6: Bool { host.contains(":") }

    package var description: String {
        "dlrover+grpc://\(isIPv6 ? "[\(host)]" : host):\(port)"
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
