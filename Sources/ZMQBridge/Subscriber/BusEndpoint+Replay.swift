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
