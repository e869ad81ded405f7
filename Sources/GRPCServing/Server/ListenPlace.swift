/// Where a server listens.
package enum ListenPlace: Hashable, Sendable {
    /// An IPv4 or IPv6 address, without brackets. Port 0 takes a free one.
    case tcp(host: String, port: Int)
    /// The absolute path of a Unix socket.
    case unix(path: String)
}

/// What a server speaks with its clients.
package enum ListenWire: String, CaseIterable, Sendable {
    /// Unary calls over HTTP/2.
    case grpc
    /// DLRover's protocol over HTTP/1.1: `POST /report` and `POST /get`.
    case http
}
