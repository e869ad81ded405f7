private import CZeroMQ
internal import Diagnosis
internal import Logging

/// The DEALER: requests to the replay socket, and its answers.
extension SubscriberConnection {
    func takeReplayed(_ number: UInt64?) {
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
            withFrames { builder.append(header, origin: $0, topic: topic, body: $1) }
        } else {
            counts.malformed += 1
        }
    }

    func takeAnswer(_ number: UInt64?) {
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

    func isExpected(_ dataType: DiagnosisDataType, _ number: UInt64?) -> Bool {
        number != nil && lanes[dataType]?.request?.id == number
    }

    func decode<Body: Decodable>(_ type: Body.Type, _ bytes: [UInt8]) -> Body? {
        let body = try? ControlJSON.decode(type, bytes)
        if body == nil { counts.malformed += 1 }
        return body
    }

    /// Subscribes to a lane, and asks for a beat: what was published between the replay's end and now would not be noticed before the next.
    func goLive(_ dataType: DiagnosisDataType) {
        try? socket.set(ZMQ_SUBSCRIBE, Topic.prefix(for: dataType))
        try? greet()
    }

    /// Does for each lane what can be done now: hands its tail over, asks for what is missing, or subscribes.
    func catchUp() throws(ZMQError) {
        for dataType in lanes.keys {
            let room = self.room(dataType)
            if let request = lanes[dataType]?.request, max(request.sent, lastAnswer) + Self.answerPatience < .now {
                lanes[dataType]?.giveUpRequest()
            }
            lanes[dataType]?.flushTail(into: &builder, room: room)
            if lanes[dataType]?.goLive() == true { goLive(dataType) }
            if room > 0, lanes[dataType]?.needsReplay == true { try askForReplay(dataType, room: room) }
        }
        updateProgress()
    }

    func askForReplay(_ dataType: DiagnosisDataType, room: Int) throws(ZMQError) {
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
        lanes[dataType]?.recordRequest(LaneStream.Request(id: nextRequest, sent: .now))
    }

    func send(_ request: ReplayRequest, number: UInt64) throws(ZMQError) -> Bool {
        try replay.send([Array("\(number)".utf8), [], ControlJSON.encode(request)])
    }

    func room(_ dataType: DiagnosisDataType) -> Int {
        if let room = rooms[dataType] { return room }
        guard let lane = lanes[dataType]?.lane else { return 0 }
        let room = receiver.room(in: lane)
        rooms[dataType] = room
        return room
    }

    func updateProgress() {
        guard builder.isEmpty, lanes.values.allSatisfy(\.hasHandedOverAll) else { return }
        status.deliveredThrough = beatTime
    }
}
