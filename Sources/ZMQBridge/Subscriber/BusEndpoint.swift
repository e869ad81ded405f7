private import Glibc
internal import SystemSupport

/// Where a publisher's envelopes are read: a libzmq endpoint.
public struct BusEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// `ipc:///path` or `tcp://host:port`.
    public let address: String
    /// The state directory that was named; `nil` if it was the endpoint itself.
    let directory: StateDirectory?
    /// Set where the publisher is in this process: all comes over `inproc`, without the kernel and libzmq's I/O threads.
    let local: LocalBus?
    /// Set where the publisher is reached over the network, or as if it were.
    let keys: ClientKeys?

    /// A publisher of this process. The subscriber must have ended before the state directory can be another publisher's.
    package init(within publisher: MetricPublisher) {
        directory = publisher.directory
        address = Self(publisher.directory).address
        local = publisher.localBus
        keys = nil
    }

    /// The publisher of a state directory on this machine. Nothing is read there while it may be another user's in the publisher's place.
    public init(_ directory: StateDirectory) {
        self.directory = directory
        address = "ipc://" + directory.publishSocket
        local = nil
        keys = nil
    }

    /// Reads `ipc:///PATH`, or `tcp://` with a host and a port: without keys only of this machine, since nothing is encrypted then. `nil` for
    /// anything else.
    ///
    /// - Parameter keys: for `tcp://` alone.
    public init?(_ address: String, keys: ClientKeys? = nil) {
        if address.hasPrefix("ipc://") {
            let path = address.dropFirst("ipc://".count)
            // A relative one would mean another socket in each working directory.
            guard path.hasPrefix("/"), path.utf8.count <= UnixAddress.longestPath else { return nil }
        } else {
            guard let host = Self.networkHost(in: address) else { return nil }
            guard keys != nil || host == "127.0.0.1" || host == "localhost" else { return nil }
        }
        self.address = address
        self.keys = address.hasPrefix("tcp://") ? keys : nil
        directory = nil
        local = nil
    }

    /// Names an endpoint of the network whose keys were not read, for what only looks at settings.
    ///
    /// - Parameter address: has a `networkHost`.
    package init(unsecured address: String) {
        self.address = address
        directory = nil
        local = nil
        keys = nil
    }

    /// The host of `tcp://host:port`; `nil` if the text is something else.
    package static func networkHost(in address: String) -> String? {
        let scheme = "tcp://"
        guard address.hasPrefix(scheme), let colon = address.lastIndex(of: ":"),
            case let port = address[address.index(after: colon)...], let number = UInt16(port),
            port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), number > 0,
            let start = address.index(address.startIndex, offsetBy: scheme.count, limitedBy: colon)
        else { return nil }
        let host = address[start..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        let isName = host.utf8.allSatisfy { byte in
            Unicode.Scalar(byte).properties.isAlphabetic || (0x30...0x39).contains(byte) || "-._".utf8.contains(byte)
                || isBracketed && ":[]%".utf8.contains(byte)
        }
        guard (1...253).contains(host.utf8.count), isName else { return nil }
        return String(host)
    }

    /// What the failing initialiser takes; completes "must be" in an error text.
    public static let rule =
        "ipc:// and a socket's absolute path of up to \(UnixAddress.longestPath) bytes, or tcp://, a host, a colon and a port; beyond loopback that needs keys"

    /// Why this user can't use a socket that is there, or does not; `nil` if it can, or if there is none.
    package var obstacle: String? {
        guard address.hasPrefix("ipc://") else { return nil }
        do throws(StateDirectoryError) {
            try directory?.checkForClients()
        } catch {
            return "\(error)"
        }
        let path = String(address.dropFirst("ipc://".count))
        guard access(path, W_OK) != 0, errno == EACCES else { return nil }
        return "this user may not use \(path)"
    }

    public var description: String { address }

    public static func == (one: BusEndpoint, other: BusEndpoint) -> Bool { one.address == other.address }

    public func hash(into hasher: inout Hasher) { hasher.combine(address) }
}

extension BusEndpoint {
    /// Where the same publisher replays: `replay.sock` beside `pub.sock`; over TCP the next port.
    var replayAddress: String? {
        if address.hasPrefix("ipc://") {
            guard let slash = address.lastIndex(of: "/") else { return nil }
            return String(address[...slash]) + "replay.sock"
        }
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]),
            port < .max
        else { return nil }
        return String(address[...colon]) + "\(port + 1)"
    }
}

/// Where the subscribers in a publisher's own process meet its sockets.
struct LocalBus: Sendable {
    static let live = "inproc://bus"
    static let replay = "inproc://replay"

    /// The publishing socket's.
    let context: ZMQContext
    /// The replay socket's, with an I/O thread of its own, which pauses where others send too much.
    let replayContext: ZMQContext
}
