private import CZeroMQ
private import Glibc
internal import Diagnosis
internal import SystemSupport

/// The publisher's replay socket, a ROUTER: takes requests, and sends answers to the peers that asked.
///
/// What is queued for a peer that does not read is bounded, in messages and, by its `ReplayPeer`, in bytes. Sending tells such a peer from one
/// that is gone.
struct ReplaySocket: ~Copyable {
    /// In bytes: the account of a consumer with 256 lanes has about 80 KiB.
    private static let largestFrame = 256 << 10
    /// In bytes: requests that have come and are not read yet. Senders wait beyond that.
    private static let mostUnreadRequests = 16 << 20
    /// Messages that may wait for a peer to read them.
    private static let mostUnread: Int32 = 128
    /// In milliseconds.
    private static let heartbeat: (interval: Int32, timeout: Int32) = (5000, 10_000)

    /// What became of a message to a peer.
    enum Delivery {
        case sent
        /// The peer does not read now.
        case stuck
        case gone
    }

    /// What comes in: where the answer goes, and the request's JSON; `nil` if the message has another shape.
    struct Message {
        var returnPath: [[UInt8]]
        var body: [UInt8]?
    }

    private let requests: RequestSocket
    private let publisher: PublisherID
    private let epoch: UInt64

    /// Binds the socket in the publisher's state directory.
    init(
        in directory: StateDirectory, publisher: PublisherID, epoch: UInt64, context: ZMQContext, log: ConnectionLog
    ) throws {
        requests = try RequestSocket(
            .router, at: directory.replaySocket, in: directory, context: context, log: log,
            largestFrame: Self.largestFrame,
            limits: GuardedListener.Limits(message: 2 * Self.largestFrame, unread: Self.mostUnreadRequests)
        ) { socket throws(ZMQError) in
            try Self.setUp(socket)
            try socket.bind(within: LocalBus.replay)
        }
        self.publisher = publisher
        self.epoch = epoch
    }

    /// Binds the socket for clients of the network.
    init(for network: NetworkBus, publisher: PublisherID, epoch: UInt64, log: ConnectionLog) throws {
        requests = try RequestSocket(
            network, at: network.address.replay, log: log, largestFrame: Self.largestFrame,
            limits: GuardedListener.Limits(
                message: 2 * Self.largestFrame, untaken: (one: 4 * Self.largestFrame, together: Self.mostUnreadRequests)
            ), setUp: Self.setUp)
        self.publisher = publisher
        self.epoch = epoch
    }

    private static func setUp(_ socket: borrowing ZMQSocket) throws(ZMQError) {
        try socket.set(ZMQ_LINGER, Int32(0))
        // Makes sending fail for a peer that is gone, or whose queue is full, where a ROUTER would drop the message otherwise.
        try socket.set(ZMQ_ROUTER_MANDATORY, Int32(1))
        try socket.set(ZMQ_SNDHWM, mostUnread)
        try socket.set(ZMQ_HEARTBEAT_IVL, heartbeat.interval)
        try socket.set(ZMQ_HEARTBEAT_TIMEOUT, heartbeat.timeout)
    }

    /// Waits for requests.
    func add(to poller: inout Poller) -> Int {
        poller.add(requests.socket)
    }

    /// The next message, or `nil` if there is none.
    func receive() throws(ZMQError) -> Message? {
        guard let frames = try requests.receive() else { return nil }
        guard let delimiter = frames.dropFirst().firstIndex(where: \.isEmpty), delimiter + 2 == frames.count,
            RequestSocket.isUsable(Array(frames[...delimiter]))
        else {
            return Message(returnPath: Array(frames.prefix(1)) + [[]], body: nil)
        }
        return Message(returnPath: Array(frames[...delimiter]), body: frames[delimiter + 1])
    }

    /// Sends a control message to a peer; not to one that has too much unread already.
    @discardableResult
    func send(_ topic: [UInt8], _ body: some Encodable, to route: ReplayRoute) throws(ZMQError) -> Delivery {
        guard route.peer.hasRoom() else { return .stuck }
        let header = EnvelopeHeader(
            publisher: publisher, epoch: epoch, sequence: 0, collectionTime: WallClock.seconds(),
            publishTime: WallClock.nanoseconds())
        let json = ControlJSON.encode(body)
        return try send(topic[...], header, json[...], to: route)
    }

    /// Tells a peer why its request can't be met. One that does not read its answers gets none.
    func refuse(_ reason: String, to route: ReplayRoute) throws(ZMQError) {
        try send(Topic.error, ReplayAnswer.Failure(error: reason), to: route)
    }

    /// Sends an envelope to a peer.
    func send(_ envelope: EnvelopeRecord.Envelope, to route: ReplayRoute) throws(ZMQError) -> Delivery {
        guard route.peer.hasRoom() else { return .stuck }
        let header = EnvelopeHeader(
            flags: envelope.isShed ? EnvelopeHeader.Flag.shed : 0, extensionLength: envelope.origin.count,
            publisher: publisher, epoch: envelope.position.epoch, sequence: envelope.position.sequence,
            collectionTime: envelope.collectionTime, publishTime: envelope.publishTime)
        return try send(envelope.topic, header, origin: envelope.origin, envelope.body, to: route)
    }

    private func send(
        _ topic: ArraySlice<UInt8>, _ header: EnvelopeHeader, origin: ArraySlice<UInt8> = [],
        _ body: ArraySlice<UInt8>, to route: ReplayRoute
    ) throws(ZMQError) -> Delivery {
        for (index, frame) in route.path.enumerated() {
            do throws(ZMQError) {
                // Only the first frame, the peer's identity, can be refused.
                guard try sendFrame(frame[...], more: true) || index > 0 else { return .stuck }
            } catch {
                guard error.code == EHOSTUNREACH else { throw error }
                return .gone
            }
        }
        let length = EnvelopeHeader.size + origin.count
        try withUnsafeTemporaryAllocation(byteCount: length, alignment: 8) { bytes throws(ZMQError) in
            header.write(to: bytes)
            UnsafeMutableRawBufferPointer(rebasing: bytes[EnvelopeHeader.size...]).copyBytes(from: origin)
            try sendFrame(topic, more: true)
            _ = try requests.socket.send(UnsafeRawBufferPointer(bytes), more: true)
        }
        _ = try body.withUnsafeBufferPointer { bytes throws(ZMQError) in
            try requests.socket.send(UnsafeRawBufferPointer(bytes), more: false, countedBy: route.peer.unread)
        }
        return .sent
    }

    @discardableResult
    private func sendFrame(_ frame: ArraySlice<UInt8>, more: Bool) throws(ZMQError) -> Bool {
        try frame.withUnsafeBufferPointer { bytes throws(ZMQError) in
            try requests.socket.send(UnsafeRawBufferPointer(bytes), more: more)
        }
    }
}
