/// Where a publisher's envelopes are to be had: a libzmq endpoint.
public struct BusEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// `ipc:///path` or `tcp://host:port`.
    public let address: String

    /// The publisher of a state directory on this machine.
    public init(_ directory: StateDirectory) {
        address = "ipc://" + directory.publishSocket
    }

    /// Takes `ipc://PATH`, or `tcp://` with a loopback address: the bus has no encryption, so it stays on the machine.
    public init?(_ address: String) {
        if address.hasPrefix("ipc://") {
            let path = address.dropFirst("ipc://".count)
            guard !path.isEmpty, path.utf8.count <= StateDirectory.longestSocketPath else { return nil }
        } else {
            let loopback = ["tcp://127.0.0.1:", "tcp://localhost:", "tcp://[::1]:"].first { address.hasPrefix($0) }
            guard let loopback, UInt16(address.dropFirst(loopback.count)) != nil else { return nil }
        }
        self.address = address
    }

    /// What the failing initialiser takes, to follow "must be".
    public static let rule =
        "ipc:// and a socket's path of up to \(StateDirectory.longestSocketPath) bytes, or tcp:// and a loopback address with port"

    public var description: String { address }
}
