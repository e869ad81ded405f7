private import CZeroMQ
internal import SystemSupport

/// The publishing socket for the network, beside the one for this machine. What its clients don't read counts by itself, so that it costs the
/// others nothing. Used under the bus lock.
final class NetworkPublisher {
    let socket: ZMQSocket
    /// Must outlive the socket: it answers for who comes in.
    private let network: NetworkBus
    /// What libzmq holds for clients that don't read.
    let queued = QueuedBytes()
    /// How many topics somebody has subscribed to.
    private var topics = 0

    init(_ network: NetworkBus, configuration: PublisherConfiguration, log: ConnectionLog) throws {
        self.network = network
        socket = try ZMQSocket(.xpub, in: network.context)
        try socket.setUpPublishing(configuration)
        log.watch(try network.bind(socket, at: network.address, limits: .publishingToNetwork))
    }

    /// Whether anybody listens: else nothing need be copied.
    var isHeard: Bool { topics > 0 }

    /// Takes the next subscription or its end.
    ///
    /// - Returns: its first byte and its topic; `nil` if there is no more.
    func nextSubscription() -> [UInt8]? {
        while let message = try? socket.receiveMessage() {
            guard let frame = message.first, let kind = frame.first, kind <= 1 else { continue }
            topics += kind == 1 ? 1 : -1
            return frame
        }
        return nil
    }
}

extension GuardedListener.Limits {
    /// As for this machine, with room for what encryption adds.
    fileprivate static var publishingToNetwork: GuardedListener.Limits {
        GuardedListener.Limits(message: 8 << 10, subscriptions: true, lifetime: 128 << 10, together: 512 << 10)
    }
}
