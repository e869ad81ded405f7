internal import NIOCore

/// Under which names a server answers. A browser that was led here by a name of somebody else's (DNS rebinding) says that name.
package struct WebHosts: Sendable {
    private let names: Set<String>
    /// It listens at all addresses of the machine: any of them is its own, and no address can be rebound.
    private let takesAddresses: Bool
    private var takesAll = false

    /// - Parameters:
    ///   - host: what it listens at.
    ///   - names: further names.
    package init(host: String, names: [String]) {
        takesAddresses = ["0.0.0.0", "::", "*", ""].contains(host)
        self.names = Set(["localhost", "127.0.0.1", "::1", Self.plain(host)] + names.map(Self.plain))
    }

    /// Any name: for callers that a browser can't be led to be, since they need a token, or a Unix socket.
    package static var all: WebHosts {
        var hosts = WebHosts(host: "", names: [])
        hosts.takesAll = true
        return hosts
    }

    /// Whether it is an IPv4 or IPv6 address, which needs no resolver.
    package static func isAddress(_ host: String) -> Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }

    package static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" { return true }
        switch try? SocketAddress(ipAddress: host, port: 0) {
        case .v4: return host.hasPrefix("127.")
        case .v6: return plain(host) == "::1"
        default: return false
        }
    }

    /// - Parameter authority: what a `Host` header or an origin says: a name, perhaps with a port. Any port: people come through `ssh -L` and containers.
    package func allows(authority: String) -> Bool {
        if takesAll { return true }
        guard let name = Self.name(in: authority) else { return false }
        if names.contains(name) { return true }
        return takesAddresses && (try? SocketAddress(ipAddress: name, port: 0)) != nil
    }

    /// - Parameter origin: `http://name:port`.
    package func allows(origin: String) -> Bool {
        for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
            return allows(authority: String(origin.dropFirst(scheme.count)))
        }
        return false
    }

    /// The name alone, in small letters; `nil` for what is no authority.
    private static func name(in authority: String) -> String? {
        var name = authority[...]
        if name.first == "[" {
            guard let end = name.firstIndex(of: "]") else { return nil }
            let rest = name[name.index(after: end)...]
            guard isPort(rest) else { return nil }
            name = name[name.index(after: name.startIndex)..<end]
        } else if let colon = name.firstIndex(of: ":") {
            guard isPort(name[colon...]) else { return nil }
            name = name[..<colon]
        }
        return name.isEmpty ? nil : plain(String(name))
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.isEmpty || (text.first == ":" && UInt16(text.dropFirst()) != nil)
    }

    private static func plain(_ name: String) -> String {
        let name = name.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}
