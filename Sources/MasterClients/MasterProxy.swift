private import FoundationEssentials
internal import PlainHTTP

/// An HTTP proxy through which a master is reached, by CONNECT: over gRPC, over HTTP, and a console.
public struct MasterProxy: Hashable, Sendable, CustomStringConvertible {
    /// What is allowed, to follow "must be".
    package static let rule =
        "http://, a host and a port (http://proxy.example:3128); a user and a password stand in delivery.http-proxy-credentials-file"

    /// A name or an address; an IPv6 address without brackets.
    public let host: String
    /// From 1 to 65535.
    public let port: Int
    /// `user:password`; `nil`: the proxy is told none. Never shown.
    public var credentials: String?

    /// Reads `http://host:port`; `nil` for anything else, also for a URL with a user in it.
    public init?(_ text: String) {
        guard text.lowercased().hasPrefix("http://"), let url = try? MasterURL("dlrover+" + text),
            case .dlroverHTTP(let host, let port) = url.target
        else { return nil }
        self.host = host
        self.port = port
    }

    /// Without the credentials.
    public var description: String { "http://\(MasterURL.authority(host, port))" }

    var connection: HTTPProxy {
        HTTPProxy(
            host: host, port: port,
            authorization: credentials.map { "Basic \(Data($0.utf8).base64EncodedString())" })
    }
}
