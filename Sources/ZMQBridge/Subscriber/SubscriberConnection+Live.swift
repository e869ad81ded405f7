private import CZeroMQ
internal import Diagnosis
internal import Logging

/// The SUB socket: live envelopes and beats.
extension SubscriberConnection {
    func takeLive() throws(ZMQError) {
        guard let header = readHeader() else { return }
        if topicFrame.withBytes({ $0.first == Topic.control }) {
            try takeBeat(header)
        } else {
            takeEnvelope(header)
        }
    }

    func takeEnvelope(_ header: EnvelopeHeader) {
        guard let known = knownTopic(), header.publisher == status.publisher, header.sequence > 0 else {
            counts.malformed += 1
            return
        }
        guard let lane = lane(of: known) else {
            counts.repeated += 1
            return
        }
        let topic = known.topic
        let place = LanePosition(epoch: header.epoch, sequence: header.sequence)
        let size = bodyFrame.size
        let room = self.room(lane)
        switch lane.stream.arrive(place, bytes: size, room: room, spare: spareTail) {
        case .take:
            lane.room.bytes = room - size
            withFrames { builder.append(header, origin: $0, topic: topic, body: $1) }
        case .hold:
            withFrames { lane.stream.hold(header, origin: $0, topic: topic, body: $1) }
            if lane.stream.borrowed > 0 { spareTail -= size }
        case .letGo: try? socket.set(ZMQ_UNSUBSCRIBE, Topic.prefix(for: topic.dataType))
        case .old: counts.repeated += 1
        }
    }

    func takeBeat(_ header: EnvelopeHeader) throws(ZMQError) {
        guard let beat = bodyFrame.withBytes({ Beat($0) }) else {
            counts.malformed += 1
            return
        }
        let isFirst = recognize(header.publisher)
        if header.epoch > epoch {
            if epoch > 0 {
                logger.notice(
                    "The publisher has been restarted.",
                    metadata: ["endpoint": "\(status.endpoint)", "epoch": "\(header.epoch)"])
            }
            epoch = header.epoch
            // The run that was asked has ended.
            for lane in lanes.values { lane.stream.giveUpRequest() }
            isUnknownToPublisher = true
        }
        for range in beat.lanes where !unwanted.contains(range.dataType) {
            if lanes[range.dataType] == nil { try beginLane(range, header, isFirst: isFirst) }
            lanes[range.dataType]?.stream.advanceGoal(to: range.last)
        }
        beatTime = header.publishTime
    }

    /// Begins the stream of a lane that a beat lists for the first time, where the receiver wants it.
    func beginLane(_ range: Beat.LaneRange, _ header: EnvelopeHeader, isFirst: Bool) throws(ZMQError) {
        let lane = Lane(publisher: header.publisher, dataType: range.dataType)
        guard dataTypes.isEmpty || dataTypes.contains(range.dataType), let start = receiver.start(of: lane) else {
            unwanted.insert(range.dataType)
            return
        }
        if case .sequence(let sequence) = start {
            let begin = LanePosition(epoch: range.last.epoch, sequence: max(sequence, 1) - 1)
            lanes[range.dataType] = OpenLane(lane, start: .after(begin))
            builder.appendStart(of: lane, after: begin)
            return
        }
        guard start == .now else {
            lanes[range.dataType] = OpenLane(lane, start: start)
            return
        }
        // A lane that appeared after this connection began is read from its first envelope on.
        let position =
            isFirst ? range.last : range.first?.predecessor
        let begin = position ?? LanePosition(epoch: header.epoch, sequence: 0)
        lanes[range.dataType] = OpenLane(lane, start: .after(begin))
        builder.appendStart(of: lane, after: begin)
    }

    /// The topic of the present message, or `nil` if it is none.
    func knownTopic() -> KnownTopic? {
        if let lastTopic, topicFrame.withBytes({ lastTopic.isMade(of: $0) }) { return lastTopic }
        let bytes = topicFrame.copy()
        guard let known = topics[bytes] ?? Topic(bytes).map({ KnownTopic($0, bytes: bytes) }) else { return nil }
        if topics.count >= Self.mostTopics { topics = [:] }
        topics[bytes] = known
        lastTopic = known
        return known
    }

    /// The lane of a topic, if the receiver wants it.
    func lane(of known: KnownTopic) -> OpenLane? {
        if let lane = known.lane { return lane }
        known.lane = lanes[known.topic.dataType]
        return known.lane
    }

    /// Starts over when another publisher answers at this endpoint, because its state directory was made anew. Answers whether the
    /// publisher is new.
    func recognize(_ publisher: PublisherID) -> Bool {
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
        for (dataType, lane) in lanes where lane.stream.isLive {
            try? socket.set(ZMQ_UNSUBSCRIBE, Topic.prefix(for: dataType))
        }
        status.publisher = publisher
        epoch = 0
        lanes = [:]
        topics = [:]
        lastTopic = nil
        unwanted = []
        account = nil
        return true
    }
}
