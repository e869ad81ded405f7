/// Where a server listens.
package enum ListenPlace: Hashable, Sendable {
    /// An IPv4 or IPv6 address, without brackets. Port 0 takes a free one.
    case tcp(host: String, port: Int)
    /// The absolute path of a Unix socket.
    case unix(path: String)
}
