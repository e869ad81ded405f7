private import CZeroMQ

extension ZMQSocket {
    /// Largest message that a consumer may send to an XPUB socket: a subscription.
    private static var largestSubscription: Int64 { 4096 }

    /// Options of the publishing socket.
    func setUpPublishing(_ configuration: PublisherConfiguration) throws(ZMQError) {
        try set(ZMQ_LINGER, Int32(clamping: Int64(configuration.linger / .milliseconds(1))))
        try set(ZMQ_SNDHWM, configuration.highWaterMark)
        try set(ZMQ_MAXMSGSIZE, Self.largestSubscription)
    }
}
