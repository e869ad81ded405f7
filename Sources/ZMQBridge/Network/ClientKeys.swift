private import CZeroMQ

/// With which keys a client goes to a publisher over the network.
public struct ClientKeys: Hashable, Sendable {
    /// The publisher's public key: whoever answers must have its secret half.
    public let publisher: CurveKey
    /// The client's own pair, whose public half the publisher has among its authorized keys.
    public let own: CurveKeyPair

    public init(publisher: CurveKey, own: CurveKeyPair) {
        self.publisher = publisher
        self.own = own
    }
}

extension ZMQSocket {
    /// How often a publisher over the network is pinged, and how long its answer may take, in milliseconds: a cut cable tells nobody.
    private static var heartbeat: (interval: Int32, timeout: Int32) { (5000, 10_000) }

    /// Proves to the publisher who this client is, and has it prove the same. To be called before `connect`.
    func secure(with keys: ClientKeys) throws(ZMQError) {
        try set(ZMQ_CURVE_SERVERKEY, keys.publisher.bytes)
        try set(ZMQ_CURVE_PUBLICKEY, keys.own.publicKey.bytes)
        try set(ZMQ_CURVE_SECRETKEY, keys.own.secretKey.bytes)
        try set(ZMQ_HEARTBEAT_IVL, Self.heartbeat.interval)
        try set(ZMQ_HEARTBEAT_TIMEOUT, Self.heartbeat.timeout)
        // Its credit bounds what comes over the replay socket, and what comes live is taken at once. `receiveWithoutMark` says why there is no mark.
        try receiveWithoutMark()
        try set(ZMQ_IPV6, Int32(1))
    }
}
