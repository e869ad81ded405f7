private import SystemSupport
internal import WebServing

/// Where a process shows how it is: `127.0.0.1:9090`, or `unix:/path`.
package struct MonitorAddress: Hashable, Sendable, CustomStringConvertible {
    /// What is allowed, to follow "must be".
    package static let rule =
        "an address of this machine, a colon and a port, 0 for a free one (127.0.0.1:9090, localhost:9090, [::1]:9090, 0.0.0.0:9090); or unix: "
        + "and the absolute path of a socket, of at most 107 bytes"

    let place: WebServer.Place

    /// - Returns: `nil` if the text is no such address.
    package init?(_ text: String) {
        if let path = Self.path(text) {
            place = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(digits: text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon].lowercased()
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        if host == "localhost" { host = "127.0.0.1" }
        guard WebHosts.isAddress(host), host.contains(":") == isBracketed else { return nil }
        place = .tcp(host: host, port: Int(port))
    }

    private static func path(_ text: String) -> String? {
        guard text.hasPrefix("unix:") else { return nil }
        var path = text.dropFirst(5)
        if path.hasPrefix("///") { path = path.dropFirst(2) }
        guard path.hasPrefix("/"), !path.hasPrefix("//"), !path.hasSuffix("/"),
            path.utf8.count <= UnixAddress.longestPath, !path.utf8.contains(0)
        else { return nil }
        return String(path)
    }

    /// Whether other machines can reach it.
    package var isBeyondLoopback: Bool {
        switch place {
        case .tcp(let host, _): !WebHosts.isLoopback(host)
        case .unix: false
        }
    }

    /// The parts of an address of the network; `nil` for a socket.
    package var network: (host: String, port: Int)? {
        guard case .tcp(let host, let port) = place else { return nil }
        return (host, port)
    }

    /// The socket's path; `nil` for an address of the network.
    package var path: String? {
        guard case .unix(let path) = place else { return nil }
        return path
    }

    package var description: String { Self.text(place) }

    static func text(_ place: WebServer.Place) -> String {
        switch place {
        case .tcp(let host, let port): "\(host.contains(":") ? "[\(host)]" : host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
