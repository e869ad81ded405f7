import Diagnosis
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import ZMQBridge

/// Random histories of a publisher, its live messages and its replays, against a lane's stream: whatever is lost, late, evicted or
/// restarted, the stream is in order, has nothing twice, and states every hole with its count. `STREAM_SEED=n` repeats one history.
@Suite struct LaneStreamModelTests {
    @Test func theStreamHasNoHolesAndNothingTwice() throws {
        let given = ProcessInfo.processInfo.environment["STREAM_SEED"].flatMap(UInt64.init)
        let seeds = given.map { [$0] } ?? Array(1...300) + (0..<100).map { _ in .random(in: .min ... .max) }
        for seed in seeds {
            var world = World(seed: seed)
            for _ in 0..<400 { world.step() }
            world.settle()
            let problem = world.problem
            #expect(problem == nil, "STREAM_SEED=\(seed): \(problem ?? "")")
            if problem != nil { return }
        }
        if given == nil { #expect(World.lettingsGo.load(ordering: .relaxed) > 100) }
    }
}

/// A publisher, the way from it, and a stream: all in one value, driven by a seed.
private struct World {
    enum Live {
        case envelope(LanePosition)
        case beat(LanePosition, epoch: UInt64)
    }

    enum Answer {
        case envelope(LanePosition)
        case gap(StreamGap)
        case end(through: LanePosition, complete: Bool)
    }

    /// How often a tail was let go, in all histories.
    static let lettingsGo = Atomic(0)
    private static let lane = Lane(publisher: PublisherID(high: 1, low: 1), dataType: .generic)
    private static let topic = Topic(dataType: .generic, nodeType: "worker", nodeRank: 0)

    private var generator: SeededGenerator
    private var stream: LaneStream
    private var epoch: UInt64 = 1
    private var published: [LanePosition] = []
    private var journal: [LanePosition] = []
    private var history = LaneHistory()
    private var losses = LaneLosses()
    private var live: [Live] = []
    private var isSubscribed = false
    private var answers: [Answer] = []
    private var streamEpoch: UInt64 = 0
    private var requests: UInt64 = 0
    private var room = Int.max
    private var spare = 0

    private var taken: [LanePosition] = []
    private var stated: UInt64 = 0
    private let begin: LanePosition
    private(set) var problem: String?

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        begin = LanePosition(epoch: 0, sequence: 0)
        stream = LaneStream(Self.lane, start: .after(begin), longestTail: 100)
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    mutating func step() {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<35: publish(Int.random(in: 1...4, using: &generator))
        case 35..<45: sendBeat()
        case 45..<70: deliverLive()
        case 70..<88: deliverAnswer()
        case 88..<90: restart()
        case 90..<94: journal.removeFirst(min(journal.count, Int.random(in: 1...5, using: &generator)))
        default:
            room = chance(50) ? 0 : chance(50) ? 60 : .max
            spare = chance(50) ? 0 : 100
        }
        catchUp()
    }

    mutating func settle() {
        room = .max
        for _ in 0..<50 {
            sendBeat()
            while !live.isEmpty || !answers.isEmpty {
                deliverLive()
                deliverAnswer()
                catchUp()
            }
            catchUp()
        }
        let total = UInt64(published.count)
        if UInt64(taken.count) + stated != total {
            problem = problem ?? "\(total) published, \(taken.count) taken, \(stated) stated as gone"
        }
        if let last = published.last, stream.position != last {
            problem = problem ?? "the stream ends at \(String(describing: stream.position)), not \(last)"
        }
    }

    // MARK: the publisher

    private mutating func publish(_ count: Int) {
        let isJournaled = chance(93)
        for _ in 0..<count {
            let last = published.last.flatMap { $0.epoch == epoch ? $0.sequence : nil } ?? 0
            let place = LanePosition(epoch: epoch, sequence: last + 1)
            published.append(place)
            history.extend(to: place)
            if isJournaled {
                journal.append(place)
            } else {
                losses.recordLoss(
                    of: SequenceRange(epoch: epoch, first: place.sequence, last: place.sequence), .volatile)
            }
            if isSubscribed, !chance(10) { live.append(.envelope(place)) }
        }
    }

    private mutating func sendBeat() {
        guard let last = published.last else { return }
        live.append(.beat(last, epoch: epoch))
    }

    private mutating func restart() {
        epoch += 1
        if chance(50) { live = [] }
        if chance(50) { answers = [] }
    }

    private mutating func answer(after start: LanePosition, through goal: LanePosition, credit: Int) {
        var position = start
        var credit = credit
        func gaps(_ world: World, through end: LanePosition) -> [Answer] {
            world.history.ranges(after: position, through: end).flatMap { range in
                world.losses.explain(range, fallback: .evicted).map { loss in
                    .gap(
                        StreamGap(
                            lane: Self.lane, after: position,
                            through: LanePosition(epoch: range.epoch, sequence: loss.range.last),
                            count: loss.range.count, reason: loss.reason))
                }
            }
        }
        for place in journal where place > start {
            guard credit > 0 else { return answers.append(.end(through: position, complete: false)) }
            let follows = place.epoch == position.epoch ? place.sequence == position.sequence + 1 : false
            if !follows {
                let before = LanePosition(epoch: place.epoch, sequence: place.sequence - 1)
                answers += gaps(self, through: before)
            }
            answers.append(.envelope(place))
            position = place
            credit -= 20
        }
        if position < goal {
            answers += gaps(self, through: goal)
            position = goal
        }
        answers.append(.end(through: position, complete: true))
    }

    // MARK: the way to the stream

    private mutating func deliverLive() {
        guard !live.isEmpty else { return }
        switch live.removeFirst() {
        case .beat(let last, let epoch):
            if epoch > streamEpoch {
                streamEpoch = epoch
                stream.giveUpRequest()
                answers = []
            }
            stream.advanceGoal(to: last)
        case .envelope(let place):
            switch stream.arrive(place, bytes: 20, room: room, spare: spare) {
            case .take: take(place)
            case .hold:
                let header = EnvelopeHeader(
                    publisher: Self.lane.publisher, epoch: place.epoch, sequence: place.sequence, collectionTime: 0,
                    publishTime: 0)
                [UInt8](repeating: 0, count: 20).withUnsafeBytes {
                    stream.hold(header, origin: .init(start: nil, count: 0), topic: Self.topic, body: $0)
                }
            case .letGo:
                isSubscribed = false
                Self.lettingsGo.add(1, ordering: .relaxed)
            case .old: break
            }
        }
    }

    private mutating func deliverAnswer() {
        guard !answers.isEmpty, stream.request?.id == requests else {
            answers = []
            return
        }
        switch answers.removeFirst() {
        case .envelope(let place): if stream.takeReplayed(place) { take(place) }
        case .gap(let gap):
            if let gap = stream.pass(gap) { stated += gap.count }
        case .end(let through, let complete):
            if stream.ended(through: through, isComplete: complete) { isSubscribed = true }
        }
    }

    private mutating func catchUp() {
        if stream.request != nil, answers.isEmpty, chance(30) { stream.giveUpRequest() }
        var builder = StreamBuilder()
        stream.flushTail(into: &builder, room: room)
        for case .batch(let batch) in builder.drainItems() {
            for entry in batch.entries { take(LanePosition(epoch: batch.epoch, sequence: entry.sequence)) }
        }
        if stream.goLive() { isSubscribed = true }
        guard room > 0, stream.needsReplay, let position = stream.position else { return }
        requests += 1
        stream.recordRequest(LaneStream.Request(id: requests, sent: .now))
        answers = []
        answer(after: position, through: stream.goal, credit: min(room, 1000))
    }

    private mutating func take(_ place: LanePosition) {
        if let last = taken.last, place <= last { problem = problem ?? "\(place) came after \(last)" }
        taken.append(place)
    }
}
