private import CZeroMQ
internal import Diagnosis
internal import Logging

/// The connection to one publisher: a SUB socket for what is live, and a DEALER that asks its replay socket for the rest. Lives and
/// dies on the subscriber's thread.
final class SubscriberConnection {
    private static let messagesPerDrain = 4096
    /// How long an answer of the replay socket may take before it is asked again.
    private static let answerPatience: Duration = .seconds(10)
    /// A consumer that has nothing new to say says so, as a sign of life.
    private static let commitInterval: Duration = .seconds(4)

    let socket: ZMQSocket
    let replay: ZMQSocket
    private(set) var status: SubscriberStatus.Connection
    private(set) var counts: SubscriberCounts

    private let receiver: any EnvelopeReceiver
    private let dataTypes: Set<DiagnosisDataType>
    private let batchBytes: Int
    private let consumer: String?
    private let logger: Logger
    private let greeting = PublisherID().description
    private var greetings = 0
    /// That of the last beat.
    private var epoch: UInt64 = 0
    private var beatTime: UInt64 = 0
    private var lanes: [DiagnosisDataType: LaneStream] = [:]
    /// Lanes that the receiver does not want.
    private var unwanted: Set<DiagnosisDataType> = []
    /// How much the receiver takes of each lane, asked once a round.
    private var rooms: [DiagnosisDataType: Int] = [:]
    private var builder = StreamBuilder()
    private var topics: [[UInt8]: Topic] = [:]
    private var lastTopic: (bytes: [UInt8], topic: Topic)?
    private var nextRequest: UInt64 = 0
    /// When the replay socket last said something of a lane.
    private var lastAnswer = ContinuousClock.now
    private var account: ConsumerAccount?
    private var lastCommit = ContinuousClock.now
    /// What the publisher last could not do; not said again while it stays the same.
    private var lastFailure: String?
    /// Whether the publisher, or this run of it, has not heard of this consumer.
    private var isStranger = false
    private var topicFrame = ZMQFrame()
    private var headerFrame = ZMQFrame()
    private var bodyFrame = ZMQFrame()

    /// When the publisher last gave a sign of life, and whether the log has said that it is silent.
    private var lastHeard = ContinuousClock.now
    private var isSilent = false

    init(
        to endpoint: BusEndpoint, configuration: SubscriberConfiguration, receiver: any EnvelopeReceiver,
        context: ZMQContext, logger: Logger
    ) throws {
        socket = try ZMQSocket(.subscribe, in: context)
        replay = try ZMQSocket(.dealer, in: context)
        status = SubscriberStatus.Connection(endpoint: endpoint)
        counts = SubscriberCounts()
        dataTypes = configuration.dataTypes
        batchBytes = configuration.batchBytes
        consumer = configuration.consumer
        self.receiver = receiver
        self.logger = logger
        try socket.set(ZMQ_LINGER, Int32(0))
        // What is dropped for want of room here is asked for again.
        try socket.set(ZMQ_RCVHWM, Int32(128))
        try socket.set(ZMQ_MAXMSGSIZE, Int64(configuration.largestFrame))
        try socket.set(ZMQ_RECONNECT_IVL_MAX, Int32(1000))
        try socket.set(ZMQ_SUBSCRIBE, Topic.beat)
        try greet()
        try socket.connect(endpoint.address)
        // The last commit should arrive.
        try replay.set(ZMQ_LINGER, Int32(500))
        try replay.set(ZMQ_MAXMSGSIZE, Int64(configuration.largestFrame))
        try replay.set(ZMQ_RECONNECT_IVL_MAX, Int32(1000))
        if let address = endpoint.replayAddress { try replay.connect(address) }
    }

    /// Asks for a beat, by subscribing to a name that nobody else has. It comes after all subscriptions before it are in force.
    private func greet() throws(ZMQError) {
        let topic = { [greeting] (number: Int) in Topic.hello + Array("\(greeting)/\(number)".utf8) }
        if greetings > 0 { try socket.set(ZMQ_UNSUBSCRIBE, topic(greetings)) }
        greetings += 1
        try socket.set(ZMQ_SUBSCRIBE, topic(greetings))
    }

    // MARK: rounds

    /// Takes what has arrived, up to a bound, hands it over, and asks for what is missing. Answers whether the receiver wants more.
    func turn(liveIsReady: Bool, replayIsReady: Bool) throws -> Bool {
        rooms.removeAll(keepingCapacity: true)
        if replayIsReady { try drainReplay() }
        if liveIsReady { try drainLive() }
        try catchUp()
        guard !builder.isEmpty else { return true }
        counts.received += UInt64(builder.envelopeCount)
        let goesOn = receiver.receive(builder.take())
        noteProgress()
        return goesOn
    }

    private func drainLive() throws(ZMQError) {
        var messages = 0
        while messages < Self.messagesPerDrain, builder.byteCount < batchBytes, try socket.receive(into: &topicFrame) {
            noteSignOfLife()
            if try takeFrames(from: socket) { try takeLive() }
            messages += 1
        }
    }

    private func drainReplay() throws(ZMQError) {
        var messages = 0
        while messages < Self.messagesPerDrain, builder.byteCount < batchBytes, try replay.receive(into: &topicFrame) {
            noteSignOfLife()
            // Before the three frames: the number of the request, and an empty frame.
            let number = topicFrame.withBytes { UInt64(String(decoding: $0, as: UTF8.self)) }
            guard topicFrame.hasMore, try replay.receive(into: &topicFrame), topicFrame.hasMore,
                try replay.receive(into: &topicFrame)
            else {
                counts.malformed += 1
                continue
            }
            if try takeFrames(from: replay) { takeReplayed(number) }
            messages += 1
        }
        if messages > 0 { lastAnswer = .now }
    }

    /// Takes the second and third frame of a message; answers whether it had just those.
    private func takeFrames(from socket: borrowing ZMQSocket) throws(ZMQError) -> Bool {
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

    private func readHeader() -> EnvelopeHeader? {
        do throws(EnvelopeHeader.DecodingError) {
            return try headerFrame.withBytes { bytes throws(EnvelopeHeader.DecodingError) in
                try EnvelopeHeader(reading: bytes)
            }
        } catch {
            if case .newerVersion = error { counts.newerVersion += 1 } else { counts.malformed += 1 }
            return nil
        }
    }

    // MARK: live

    private func takeLive() throws(ZMQError) {
        guard let header = readHeader() else { return }
        if topicFrame.withBytes({ $0.first == Topic.control }) {
            try takeBeat(header)
        } else {
            takeEnvelope(header)
        }
    }

    private func takeEnvelope(_ header: EnvelopeHeader) {
        guard let topic = knownTopic(), header.publisher == status.publisher, header.sequence > 0 else {
            counts.malformed += 1
            return
        }
        let dataType = topic.dataType
        let place = LanePosition(epoch: header.epoch, sequence: header.sequence)
        let size = bodyFrame.withBytes { $0.count }
        let room = self.room(dataType)
        switch lanes[dataType]?.arrive(place, bytes: size, room: room) {
        case .take:
            rooms[dataType] = room - size
            bodyFrame.withBytes { builder.append(header, topic: topic, body: $0) }
        case .keep: bodyFrame.withBytes { lanes[dataType]?.keep(header, topic: topic, body: $0) }
        case .letGo: try? socket.set(ZMQ_UNSUBSCRIBE, Topic.prefix(for: dataType))
        case .old, nil: counts.repeated += 1
        }
    }

    private func takeBeat(_ header: EnvelopeHeader) throws(ZMQError) {
        guard let beat = bodyFrame.withBytes({ Beat($0) }) else {
            counts.malformed += 1
            return
        }
        let isFirst = meet(header.publisher)
        if header.epoch > epoch {
            if epoch > 0 {
                logger.notice(
                    "The publisher has been restarted.",
                    metadata: ["endpoint": "\(status.endpoint)", "epoch": "\(header.epoch)"])
            }
            epoch = header.epoch
            // The one that was asked has gone.
            for dataType in lanes.keys { lanes[dataType]?.giveUpRequest() }
            isStranger = true
        }
        for range in beat.lanes where !unwanted.contains(range.dataType) {
            if lanes[range.dataType] == nil { try meet(range, header, isFirst: isFirst) }
            lanes[range.dataType]?.know(range.last)
        }
        beatTime = header.publishTime
    }

    /// Decides where the stream of a lane begins that was not known before.
    private func meet(_ range: Beat.LaneRange, _ header: EnvelopeHeader, isFirst: Bool) throws(ZMQError) {
        let lane = Lane(publisher: header.publisher, dataType: range.dataType)
        guard dataTypes.isEmpty || dataTypes.contains(range.dataType), let start = receiver.start(of: lane) else {
            unwanted.insert(range.dataType)
            return
        }
        if case .sequence(let sequence) = start {
            let begin = LanePosition(epoch: range.last.epoch, sequence: max(sequence, 1) - 1)
            lanes[range.dataType] = LaneStream(lane, start: .after(begin))
            builder.appendStart(of: lane, after: begin)
            return
        }
        guard start == .now else {
            lanes[range.dataType] = LaneStream(lane, start: start)
            return
        }
        // A lane that has come up since is new from its first envelope on.
        let position =
            isFirst ? range.last : range.first.map { LanePosition(epoch: $0.epoch, sequence: $0.sequence - 1) }
        let begin = position ?? LanePosition(epoch: header.epoch, sequence: 0)
        lanes[range.dataType] = LaneStream(lane, start: .after(begin))
        builder.appendStart(of: lane, after: begin)
    }

    /// The topic of the message at hand, or `nil` if it is none.
    private func knownTopic() -> Topic? {
        if let lastTopic, topicFrame.withBytes({ $0.elementsEqual(lastTopic.bytes) }) { return lastTopic.topic }
        let bytes = topicFrame.copy()
        guard let topic = topics[bytes] ?? Topic(bytes) else { return nil }
        topics[bytes] = topic
        lastTopic = (bytes, topic)
        return topic
    }

    /// Starts afresh when another publisher answers at this endpoint: its state directory was made anew. Answers whether this is the
    /// first that is heard of it.
    private func meet(_ publisher: PublisherID) -> Bool {
        guard publisher != status.publisher else { return false }
        if status.publisher == nil {
            logger.info(
                "Connected to a publisher.",
                metadata: ["endpoint": "\(status.endpoint)", "publisher": "\(publisher)"])
        } else {
            logger.warning(
                "Another publisher has taken over an endpoint.",
                metadata: ["endpoint": "\(status.endpoint)", "publisher": "\(publisher)"])
        }
        for (dataType, lane) in lanes where lane.isLive {
            try? socket.set(ZMQ_UNSUBSCRIBE, Topic.prefix(for: dataType))
        }
        status.publisher = publisher
        epoch = 0
        lanes = [:]
        unwanted = []
        account = nil
        return true
    }

    // MARK: replay

    private func takeReplayed(_ number: UInt64?) {
        guard let header = readHeader() else { return }
        guard header.publisher == status.publisher else { return }
        if topicFrame.withBytes({ $0.first == Topic.control }) {
            takeAnswer(number)
        } else if let topic = knownTopic() {
            let place = LanePosition(epoch: header.epoch, sequence: header.sequence)
            guard let number, lanes[topic.dataType]?.request?.id == number,
                lanes[topic.dataType]?.takeReplayed(place) == true
            else { return }
            counts.replayed += 1
            bodyFrame.withBytes { builder.append(header, topic: topic, body: $0) }
        } else {
            counts.malformed += 1
        }
    }

    private func takeAnswer(_ number: UInt64?) {
        let topic = topicFrame.copy()
        let body = bodyFrame.copy()
        switch topic {
        case Topic.replayStart:
            guard let start = decode(ReplayAnswer.Start.self, body), isExpected(start.dataType, number) else { return }
            if let lane = lanes[start.dataType]?.lane, lanes[start.dataType]?.begins(after: start.after) == true {
                builder.appendStart(of: lane, after: start.after)
            }
        case Topic.replayGap:
            guard let gap = decode(ReplayAnswer.Gap.self, body), isExpected(gap.dataType, number),
                let lane = lanes[gap.dataType]?.lane
            else { return }
            let lost = StreamGap(
                lane: lane, after: gap.after, through: gap.through, count: gap.count, reason: gap.reason)
            guard let passed = lanes[gap.dataType]?.pass(lost) else { return }
            counts.missing &+= passed.count
            builder.append(passed)
        case Topic.replayEnd:
            guard let end = decode(ReplayAnswer.End.self, body), isExpected(end.dataType, number) else { return }
            if lanes[end.dataType]?.ended(through: end.through, isComplete: end.complete) == true {
                goLive(end.dataType)
            }
        case Topic.error:
            guard let failure = decode(ReplayAnswer.Failure.self, body), failure.error != lastFailure else { return }
            lastFailure = failure.error
            logger.warning(
                "The publisher could not do what it was asked.",
                metadata: ["endpoint": "\(status.endpoint)", "error": "\(failure.error)"])
        default: break
        }
    }

    private func isExpected(_ dataType: DiagnosisDataType, _ number: UInt64?) -> Bool {
        number != nil && lanes[dataType]?.request?.id == number
    }

    private func decode<Body: Decodable>(_ type: Body.Type, _ bytes: [UInt8]) -> Body? {
        let body = try? ControlJSON.decode(type, bytes)
        if body == nil { counts.malformed += 1 }
        return body
    }

    /// Subscribes to a lane, and asks at once how far it is: what came between the replay's end and now would else be missed for a beat.
    private func goLive(_ dataType: DiagnosisDataType) {
        try? socket.set(ZMQ_SUBSCRIBE, Topic.prefix(for: dataType))
        try? greet()
    }

    /// Does for each lane what can be done now: moves its tail into the stream, asks for what is missing, or subscribes.
    private func catchUp() throws(ZMQError) {
        for dataType in lanes.keys {
            let room = self.room(dataType)
            if let request = lanes[dataType]?.request, max(request.sent, lastAnswer) + Self.answerPatience < .now {
                lanes[dataType]?.giveUpRequest()
            }
            lanes[dataType]?.flushTail(into: &builder, room: room)
            if lanes[dataType]?.goLive() == true { goLive(dataType) }
            if room > 0, lanes[dataType]?.needsReplay == true { try askForReplay(dataType, room: room) }
        }
        noteProgress()
    }

    private func askForReplay(_ dataType: DiagnosisDataType, room: Int) throws(ZMQError) {
        guard let lane = lanes[dataType] else { return }
        var request = ReplayRequest(.replay)
        request.dataType = dataType
        request.credit = min(room, LaneStream.largestCredit)
        request.through = lane.goal
        switch lane.start {
        case .since(let time): request.since = time
        case .last(let count): request.last = count
        default: request.after = lane.position
        }
        nextRequest += 1
        guard try send(request, number: nextRequest) else { return }
        lanes[dataType]?.asked(LaneStream.Request(id: nextRequest, sent: .now))
    }

    private func send(_ request: ReplayRequest, number: UInt64) throws(ZMQError) -> Bool {
        try replay.send([Array("\(number)".utf8), [], ControlJSON.encode(request)])
    }

    private func room(_ dataType: DiagnosisDataType) -> Int {
        if let room = rooms[dataType] { return room }
        guard let lane = lanes[dataType]?.lane else { return 0 }
        let room = receiver.room(in: lane)
        rooms[dataType] = room
        return room
    }

    private func noteProgress() {
        guard builder.isEmpty, lanes.values.allSatisfy(\.hasHandedOverAll) else { return }
        status.deliveredThrough = beatTime
    }

    // MARK: cursors

    /// Tells the publisher how far the consumer is, if there is news or the publisher does not know it.
    func commit(_ news: ConsumerAccount?) throws(ZMQError) {
        guard let consumer, status.publisher != nil else { return }
        account = news ?? account
        let isDue = lastCommit.duration(to: .now) > Self.commitInterval
        guard news != nil || isStranger || isDue else { return }
        isStranger = false
        lastCommit = .now
        _ = try send(ReplayRequest(committing: account ?? ConsumerAccount(consumer: consumer)), number: 0)
    }

    // MARK: silence

    /// Says once that nothing has come for so long, and why that may be.
    func noteSilence(longerThan patience: Duration) {
        guard !isSilent, lastHeard.duration(to: .now) > patience else { return }
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

    private func noteSignOfLife() {
        lastHeard = .now
        guard isSilent else { return }
        isSilent = false
        if status.publisher != nil {
            logger.notice("The publisher is heard again.", metadata: ["endpoint": "\(status.endpoint)"])
        }
    }
}
