/// A peer of the replay socket, and what of its answers it has not read. Used on the replay server's thread only.
final class ReplayPeer {
    /// In bytes, of one peer and of all together: when more than this is unread, nothing more is queued. One answer is always taken.
    static let mostUnread = 4 << 20
    static let mostUnreadTogether = 64 << 20

    let unread: QueuedBytes
    /// Its replays that are being answered.
    var jobs = 0
    /// Whether libzmq no longer knows it: what it has asked for is not looked up any more.
    var isGone = false
    private let together: QueuedBytes
    /// Set at the limit, until half of it has been read: answers then go out in pieces that are worth reading a record for.
    private var isFull = false

    init(of together: QueuedBytes) {
        self.together = together
        unread = QueuedBytes(of: together)
    }

    /// Whether something more may be queued for it.
    func hasRoom() -> Bool {
        let count = unread.count
        if count >= Self.mostUnread { isFull = true }
        if count <= Self.mostUnread / 2 { isFull = false }
        return !isFull && (count == 0 || together.count < Self.mostUnreadTogether)
    }
}

/// Where an answer goes: its peer, and the frames before the answer, of which the first is the peer's identity.
struct ReplayRoute {
    let peer: ReplayPeer
    let path: [[UInt8]]
}

/// The peers that have asked for something.
final class ReplayPeers {
    /// Beyond this many those are forgotten that have read everything and wait for nothing.
    private static let mostIdle = 64

    private let unread = QueuedBytes()
    private var peers: [[UInt8]: ReplayPeer] = [:]

    /// The route of an answer, by the frames that stand before it.
    func route(_ path: [[UInt8]]) -> ReplayRoute {
        let identity = path.first ?? []
        if let peer = peers[identity] {
            // A name that libzmq made, which begins with 0, is never another connection's; one that a peer chose may come again.
            if identity.first != 0 { peer.isGone = false }
            return ReplayRoute(peer: peer, path: path)
        }
        if peers.count >= Self.mostIdle {
            peers = peers.filter { $0.value.jobs > 0 || $0.value.unread.count > 0 }
        }
        let peer = ReplayPeer(of: unread)
        peers[identity] = peer
        return ReplayRoute(peer: peer, path: path)
    }
}
