private import CZeroMQ
internal import Diagnosis
internal import Logging

/// The connection to one publisher: a SUB socket for live envelopes, and a DEALER that asks its replay socket for the rest. Used on the
/// subscriber's thread only. The extensions have what comes over each socket.
final class SubscriberConnection {
    private static let messagesPerDrain = 4096
    /// In bytes, from each of a publisher's sockets, of all subscribers of the process: what waits to be taken by their thread. Beyond it the
    /// publisher keeps the rest.
    private static let mostUnread = 16 << 20
    /// In envelopes, beside the publisher's own high-water mark, where that is in this process and counts the bytes itself.
    private static let mostUnreadWithin: Int32 = 1024
    /// Topics that are remembered: whoever gives metrics to ingest may name any node.
    static let mostTopics = 1024
    /// How long an answer of the replay socket may take before the request is sent again.
    static let answerPatience: Duration = .seconds(10)
    /// How often a consumer that has nothing new repeats its account, as a sign of life.
    private static let commitInterval: Duration = .seconds(4)

    let socket: ZMQSocket
    let replay: ZMQSocket
    var status: SubscriberStatus.Connection
    var counts: SubscriberCounts

    /// Set for a publisher over the network.
    let handshakes: (live: HandshakeWatch, replay: HandshakeWatch)?
    private let liveGuard: GuardedCall
    private let replayGuard: GuardedCall
    let receiver: any EnvelopeReceiver
    let dataTypes: Set<DiagnosisDataType>
    let batchBytes: Int
    let consumer: String?
    let logger: Logger
    let greeting = PublisherID().description
    var greetings = 0
    /// The epoch of the last beat.
    var epoch: UInt64 = 0
    var beatTime: UInt64 = 0
    var lanes: [DiagnosisDataType: OpenLane] = [:]
    /// Lanes that the receiver does not want.
    var unwanted: Set<DiagnosisDataType> = []
    /// Counts the rounds: how much room a lane has is asked once in each.
    var round: UInt64 = 0
    /// How many bytes beyond what each lane may have waiting may still wait for a replay in this round.
    var spareTail = 0
    var builder = StreamBuilder()
    var topics: [[UInt8]: KnownTopic] = [:]
    var lastTopic: KnownTopic?
    var nextRequest: UInt64 = 0
    /// When the replay socket last sent something.
    var lastAnswer = ContinuousClock.now
    var account: ConsumerAccount?
    var lastCommit = ContinuousClock.now
    /// The last error that the publisher answered; logged again only when it changes.
    var lastFailure: String?
    /// Whether the publisher, or this run of it, has not heard of this consumer yet.
    var isUnknownToPublisher = false
    var topicFrame = ZMQFrame()
    var headerFrame = ZMQFrame()
    var bodyFrame = ZMQFrame()

    var isConnected = false
    /// Whether the last look found a publisher's directory.
    var mayUse = false
    /// The state directory that was checked and is connected to, and the one that was last refused.
    var trusted: StateDirectory.Identity?
    var untrusted: StateDirectory.Identity?

    /// When the publisher last sent something, and whether the log says that it is silent.
    var lastHeard = ContinuousClock.now
    var isSilent = false

    init(
        to endpoint: BusEndpoint, configuration: SubscriberConfiguration, receiver: any EnvelopeReceiver,
        context: ZMQContext, logger: Logger
    ) throws {
        let local = endpoint.local
        socket = try ZMQSocket(.subscribe, in: local?.context ?? context)
        replay = try ZMQSocket(.dealer, in: local?.replayContext ?? context)
        status = SubscriberStatus.Connection(endpoint: endpoint)
        counts = SubscriberCounts()
        dataTypes = configuration.dataTypes
        batchBytes = configuration.batchBytes
        consumer = configuration.consumer
        self.receiver = receiver
        self.logger = logger
        let message = 2 * configuration.largestFrame
        liveGuard = GuardedCall(to: endpoint.address, message: message, unread: Self.mostUnread)
        replayGuard = GuardedCall(to: endpoint.replayAddress ?? "", message: message, unread: Self.mostUnread)
        try socket.set(ZMQ_LINGER, Int32(0))
        // What is dropped because a queue is full is replayed.
        if let keys = endpoint.keys {
            try socket.secure(with: keys)
            try replay.secure(with: keys)
            handshakes = (
                live: try HandshakeWatch(socket, in: context, keys: keys),
                replay: try HandshakeWatch(replay, in: context, keys: keys)
            )
        } else {
            handshakes = nil
        }
        if endpoint.keys != nil {
            // Set already.
        } else if local != nil {
            try socket.set(ZMQ_RCVHWM, Self.mostUnreadWithin)
        } else if liveGuard.isInForce {
            try socket.receiveWithoutMark()
        } else {
            try socket.set(ZMQ_RCVHWM, Int32(128))
        }
        if local == nil, replayGuard.isInForce { try replay.receiveWithoutMark() }
        try socket.set(ZMQ_MAXMSGSIZE, Int64(configuration.largestFrame))
        try socket.set(ZMQ_RECONNECT_IVL_MAX, Int32(1000))
        try socket.set(ZMQ_SUBSCRIBE, Topic.beat)
        try greet()
        // Time for the last commit to arrive.
        try replay.set(ZMQ_LINGER, Int32(500))
        try replay.set(ZMQ_MAXMSGSIZE, Int64(configuration.largestFrame))
        try replay.set(ZMQ_RECONNECT_IVL_MAX, Int32(1000))
        mayUse = try connectIfTrusted()
    }

    /// Asks for a beat by subscribing to a name that nobody else has. The beat comes when all earlier subscriptions are in force.
    func greet() throws(ZMQError) {
        let topic = { [greeting] (number: Int) in Topic.hello + Array("\(greeting)/\(number)".utf8) }
        if greetings > 0 { try socket.set(ZMQ_UNSUBSCRIBE, topic(greetings)) }
        greetings += 1
        try socket.set(ZMQ_SUBSCRIBE, topic(greetings))
    }

    // MARK: rounds

    /// One round: takes what has arrived, up to a bound, hands it over, and asks for what is missing. Answers whether the receiver wants
    /// more.
    func turn(liveIsReady: Bool, replayIsReady: Bool) throws -> Bool {
        mayUse = try connectIfTrusted()
        guard mayUse else {
            try discard()
            return true
        }
        round += 1
        spareTail = max(0, LaneStream.largestCredit - lanes.values.reduce(0) { $0 + $1.stream.borrowed })
        if replayIsReady { try drainReplay() }
        if liveIsReady { try drainLive() }
        try catchUp()
        guard !builder.isEmpty else { return true }
        counts.received += UInt64(builder.envelopeCount)
        let goesOn = receiver.receive(builder.drainItems())
        updateProgress()
        return goesOn
    }

    func drainLive() throws(ZMQError) {
        _ = try drain(socket, liveGuard, frames: 3) { () throws(ZMQError) in
            if try takeFrames(from: socket) { try takeLive() }
        }
    }

    func drainReplay() throws(ZMQError) {
        let messages = try drain(replay, replayGuard, frames: 5) { () throws(ZMQError) in
            // Before the three frames: the number of the request, and an empty frame.
            let number = topicFrame.withBytes { UInt64(String(decoding: $0, as: UTF8.self)) }
            guard topicFrame.hasMore, try replay.receive(into: &topicFrame), topicFrame.hasMore,
                try replay.receive(into: &topicFrame)
            else {
                counts.malformed += 1
                return
            }
            if try takeFrames(from: replay) { takeReplayed(number) }
        }
        if messages > 0 { lastAnswer = .now }
    }

    /// Takes messages up to a bound, and tells the guard.
    ///
    /// - Parameters:
    ///   - frames: how many each has.
    ///   - take: called with the first frame of each in `topicFrame`.
    /// - Returns: how many there were.
    private func drain(
        _ socket: borrowing ZMQSocket, _ guarding: GuardedCall, frames: Int, _ take: () throws(ZMQError) -> Void
    ) throws(ZMQError) -> Int {
        var (messages, bytes, isEmpty) = (0, 0, false)
        while messages < Self.messagesPerDrain, builder.byteCount < batchBytes, !isEmpty {
            guard try socket.receive(into: &topicFrame) else {
                isEmpty = true
                continue
            }
            try take()
            bytes += topicFrame.size + headerFrame.size + bodyFrame.size
            messages += 1
        }
        guarding.recordTaken(bytes, frames: frames * messages, isEmpty: isEmpty)
        if messages > 0 { recordSignOfLife() }
        return messages
    }

    /// Receives the second and third frame of a message; answers whether it had exactly those.
    func takeFrames(from socket: borrowing ZMQSocket) throws(ZMQError) -> Bool {
        guard topicFrame.hasMore, try socket.receive(into: &headerFrame), headerFrame.hasMore,
            try socket.receive(into: &bodyFrame)
        else {
            counts.malformed += 1
            return false
        }
        guard !bodyFrame.hasMore else {
            counts.malformed += 1
            while bodyFrame.hasMore, try socket.receive(into: &bodyFrame) {}
            return false
        }
        return true
    }

    /// Gives the header's extension and the body of a message whose header was read.
    func withFrames(_ take: (_ extension: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer) -> Void) {
        headerFrame.withBytes { header in
            bodyFrame.withBytes { take(UnsafeRawBufferPointer(rebasing: header[EnvelopeHeader.size...]), $0) }
        }
    }

    func readHeader() -> EnvelopeHeader? {
        do throws(EnvelopeHeader.DecodingError) {
            return try headerFrame.withBytes { bytes throws(EnvelopeHeader.DecodingError) in
                try EnvelopeHeader(reading: bytes)
            }
        } catch {
            if case .newerVersion = error { counts.newerVersion += 1 } else { counts.malformed += 1 }
            return nil
        }
    }

    // MARK: cursors

    /// Tells the publisher how far the consumer is, if that is new, the publisher does not know it, or it is time for a sign of life.
    func commit(_ news: ConsumerAccount?) throws(ZMQError) {
        guard let consumer, status.publisher != nil, mayUse else { return }
        account = news ?? account
        let isDue = lastCommit.duration(to: .now) > Self.commitInterval
        guard news != nil || isUnknownToPublisher || isDue else { return }
        isUnknownToPublisher = false
        lastCommit = .now
        _ = try send(ReplayRequest(committing: account ?? ConsumerAccount(consumer: consumer)), number: 0)
    }

    // MARK: silence

    /// Logs once that nothing has come for so long, and why that may be.
    func logSilence(longerThan patience: Duration) {
        lookAtHandshakes()
        guard !isSilent, status.obstacle == nil, lastHeard.duration(to: .now) > patience else { return }
        isSilent = true
        let endpoint: Logger.MetadataValue = "\(status.endpoint)"
        if let reason = status.endpoint.obstacle {
            logger.error("A publisher cannot be reached.", metadata: ["endpoint": endpoint, "reason": "\(reason)"])
        } else if status.publisher == nil {
            logger.notice("Waiting for a publisher.", metadata: ["endpoint": endpoint])
        } else {
            logger.warning("The publisher is silent; waiting for it.", metadata: ["endpoint": endpoint])
        }
    }

    func recordSignOfLife() {
        lastHeard = .now
        guard isSilent else { return }
        isSilent = false
        if status.publisher != nil {
            logger.notice("The publisher is heard again.", metadata: ["endpoint": "\(status.endpoint)"])
        }
    }
}
