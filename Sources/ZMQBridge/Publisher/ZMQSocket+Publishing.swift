private import CZeroMQ

extension ZMQSocket {
    /// Largest message that a consumer may send to an XPUB socket: a subscription.
    private static var largestSubscription: Int64 { 4096 }

    /// How often a consumer is asked for a sign of life, and how long it may take: one that was stopped, or whose reader has been
    /// blocked for so long, is let go with all that is queued for it. It connects again when it goes on.
    private static var heartbeat: (interval: Int32, timeout: Int32) { (5000, 10_000) }

    /// Options of the publishing socket.
    func setUpPublishing(_ configuration: PublisherConfiguration) throws(ZMQError) {
        try set(ZMQ_LINGER, Int32(clamping: Int64(configuration.linger / .milliseconds(1))))
        try set(ZMQ_SNDHWM, configuration.highWaterMark)
        try set(ZMQ_HEARTBEAT_IVL, Self.heartbeat.interval)
        try set(ZMQ_HEARTBEAT_TIMEOUT, Self.heartbeat.timeout)
        try set(ZMQ_MAXMSGSIZE, Self.largestSubscription)
    }
}
