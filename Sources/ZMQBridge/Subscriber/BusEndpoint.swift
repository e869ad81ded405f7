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

    /// A publisher of this process. The subscriber must have ended before the state directory can be another publisher's.
    package init(within publisher: MetricPublisher) {
        directory = publisher.directory
        address = Self(publisher.directory).address
        local = publisher.localBus
    }

    /// The publisher of a state directory on this machine. Nothing is read there while it may be another user's in the publisher's place.
    public init(_ directory: StateDirectory) {
        self.directory = directory
        address = "ipc://" + directory.publishSocket
        local = nil
    }

    /// Reads `ipc:///PATH`, or `tcp://` with a loopback address and port: the bus has no encryption, so it stays on the machine. `nil` for
    /// anything else.
    public init?(_ address: String) {
        if address.hasPrefix("ipc://") {
            let path = address.dropFirst("ipc://".count)
            // A relative one would mean another socket in each working directory.
            guard path.hasPrefix("/"), path.utf8.count <= UnixAddress.longestPath else { return nil }
        } else {
            let loopback = ["tcp://127.0.0.1:", "tcp://localhost:"].first { address.hasPrefix($0) }
            guard let loopback, case let port = address.dropFirst(loopback.count), port.allSatisfy(\.isNumber),
                let number = UInt16(port), number > 0
            else { return nil }
        }
        self.address = address
        directory = nil
        local = nil
    }

    /// What the failing initialiser takes; completes "must be" in an error text.
    public static let rule =
        "ipc:// and a socket's absolute path of up to \(UnixAddress.longestPath) bytes, or tcp:// and a loopback address with port"

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
