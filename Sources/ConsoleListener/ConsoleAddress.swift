internal import GRPCServing
private import SystemSupport

/// Where a console takes reports: `arobust://host:port`, with an address of this machine, and port 0 for a free one.
package struct ConsoleAddress: Hashable, Sendable, CustomStringConvertible {
    /// What is allowed, to follow "must be".
    package static let rule =
        "arobust://, an address of this machine (127.0.0.1, localhost, [::1], 0.0.0.0, …), a colon and a port, 0 for a free one"

    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// - Parameter scheme: what must stand before it; empty for a bare `host:port`.
    /// - Returns: `nil` if the text is no such address.
    package init?(_ text: String, scheme: String = "arobust://") {
        guard text.lowercased().hasPrefix(scheme) else { return nil }
        var rest = text.dropFirst(scheme.count)
        if rest.hasSuffix("/") { rest.removeLast() }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(digits: rest[rest.index(after: colon)...]) else {
            return nil
        }
        var host = rest[..<colon].lowercased()
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.count <= 255,
            host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "@") })
        else { return nil }
        self.init(host: host == "localhost" ? "127.0.0.1" : host, port: Int(port))
    }

    /// Whether only this machine can reach it.
    package var isLoopback: Bool {
        if host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8(digits: $0) != nil }
    }

    /// `host:port`, an IPv6 address in brackets.
    package var authority: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    package var description: String { url(isSecure: false) }

    /// As agents name it: over TLS with `arobusts://`.
    func url(isSecure: Bool) -> String { "\(isSecure ? "arobusts" : "arobust")://\(authority)" }

    var place: ListenPlace { .tcp(host: host, port: port) }
}
