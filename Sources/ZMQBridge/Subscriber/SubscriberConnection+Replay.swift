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
        } else if let known = knownTopic() {
            let place = LanePosition(epoch: header.epoch, sequence: header.sequence)
            guard let number, let lane = lane(of: known), lane.stream.request?.id == number,
                lane.stream.takeReplayed(place)
            else { return }
            counts.replayed += 1
            withFrames { builder.append(header, origin: $0, topic: known.topic, body: $1) }
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
            if let lane = lanes[start.dataType], lane.stream.begins(after: start.after) {
                builder.appendStart(of: lane.stream.lane, after: start.after)
            }
        case Topic.replayGap:
            guard let gap = decode(ReplayAnswer.Gap.self, body), isExpected(gap.dataType, number),
                let lane = lanes[gap.dataType]
            else { return }
            let lost = StreamGap(
                lane: lane.stream.lane, after: gap.after, through: gap.through, count: gap.count, reason: gap.reason)
            guard let passed = lane.stream.pass(lost) else { return }
            counts.missing &+= passed.count
            builder.append(passed)
        case Topic.replayEnd:
            guard let end = decode(ReplayAnswer.End.self, body), isExpected(end.dataType, number) else { return }
            if lanes[end.dataType]?.stream.ended(through: end.through, isComplete: end.complete) == true {
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
        number != nil && lanes[dataType]?.stream.request?.id == number
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
        for (dataType, lane) in lanes {
            let room = self.room(lane)
            if let request = lane.stream.request, max(request.sent, lastAnswer) + Self.answerPatience < .now {
                lane.stream.giveUpRequest()
            }
            lane.stream.flushTail(into: &builder, room: room)
            if lane.stream.goLive() { goLive(dataType) }
            if room > 0, lane.stream.needsReplay { try askForReplay(lane, room: room) }
        }
        updateProgress()
    }

    func askForReplay(_ lane: OpenLane, room: Int) throws(ZMQError) {
        var request = ReplayRequest(.replay)
        request.dataType = lane.stream.lane.dataType
        request.credit = min(room, LaneStream.largestCredit)
        request.through = lane.stream.goal
        switch lane.stream.start {
        case .since(let time): request.since = time
        case .last(let count): request.last = count
        default: request.after = lane.stream.position
        }
        nextRequest += 1
        guard try send(request, number: nextRequest) else { return }
        lane.stream.recordRequest(LaneStream.Request(id: nextRequest, sent: .now))
    }

    func send(_ request: ReplayRequest, number: UInt64) throws(ZMQError) -> Bool {
        try replay.send([Array("\(number)".utf8), [], ControlJSON.encode(request)])
    }

    /// How many bytes of a lane the receiver takes in this round.
    func room(_ lane: OpenLane) -> Int {
        if lane.room.round != round { lane.room = (round, receiver.room(in: lane.stream.lane)) }
        return lane.room.bytes
    }

    func updateProgress() {
        guard builder.isEmpty, lanes.values.allSatisfy(\.stream.hasHandedOverAll) else { return }
        status.deliveredThrough = beatTime
    }
}
