import Diagnosis
import Foundation
import Logging
import TestSupport
import Testing

@testable import Delivery

/// Random streams, answers, disk failures and kills against the state and a real store, and a description of what must hold.
@Suite(.timeLimit(.minutes(2))) struct ModelTests {
    struct Place: Hashable {
        let lane: Lane
        let position: LanePosition
    }

    struct Produced {
        let position: LanePosition
        let rank: Int
        let isStale: Bool
        let isBad: Bool
        let isEvicted: Bool
        /// Seconds since 1970.
        let collected: Int64
    }

    final class World {
        let scratch = ScratchFolder()
        let start = ContinuousClock.now
        var elapsed: Duration = .zero
        var random: SeededGenerator
        let needsLanesInOrder: Bool
        var policy = DeliveryPolicy()
        var produced: [Lane: [Produced]] = [:]
        /// How many of a lane the state has been fed with.
        var fed: [Lane: Int] = [:]
        var store: ConsumerStore?
        var state: DeliveryState?
        var calls: [SendPiece] = []
        var commit: LedgerCommit?
        /// What the master has, in the order of its taking.
        var taken: [Place: Int] = [:]
        var lastTaken: [SendQueue.Key: LanePosition] = [:]
        /// Taken by the master without our knowing it durably: may come again.
        var mayRepeat: Set<Place> = []
        var acknowledged: Set<Place> = []
        var letters: [Place: Int] = [:]
        var kills = 0
        /// How many the master has of each slot.
        var sampled: [SampleSlot: Int] = [:]
        /// Of all lanes together.
        var samplesProduced: Int64 = 0
        static let sampled = DiagnosisDataType.xpuTimerMetric

        init(seed: UInt64) {
            random = SeededGenerator(seed: seed)
            needsLanesInOrder = Bool.random(using: &random)
            policy.batchCount = pick(1...9)
            policy.batchTime = .milliseconds(pick(0...50))
            policy.queueBytes = pick(2000...20_000)
            policy.timeToLive = .seconds(600)
            policy.sampleSlots = [Self.sampled: .seconds(3)]
            policy.typeBreakerRefusals = 3
            policy.typeBreakerPause = .milliseconds(100)
            policy.typeBreakerLongestPause = .milliseconds(400)
            policy.backoff.min = .milliseconds(10)
            policy.backoff.max = .milliseconds(100)
            if chance(50) { policy.catchUpBytesPerSecond = 20_000 }
            for publisher in 1...2 {
                for type in [DiagnosisDataType.trainingLog, Self.sampled, .stackTrace, .generic].prefix(pick(1...4)) {
                    let lane = Lane(publisher: PublisherID(high: 7, low: UInt64(publisher)), dataType: type)
                    produced[lane] = []
                }
            }
        }

        var now: DeliveryTime {
            DeliveryTime(
                instant: start + elapsed,
                nanoseconds: 1_000_000_000_000_000 + UInt64(elapsed / .nanoseconds(1)))
        }

        func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
        func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        func pickLane() -> Lane {
            produced.keys.sorted { $0.description < $1.description }.randomElement(using: &random)
                ?? .test()
        }
    }

    @Test func everyEnvelopeHasOneFateThroughKills() async throws {
        let given = ProcessInfo.processInfo.environment["DELIVERY_SEED"].flatMap { UInt64($0) }
        let seeds = given.map { [$0] } ?? (0..<6).map { _ in UInt64.random(in: 0 ... .max) }
        for seed in seeds {
            let world = World(seed: seed)
            do {
                try open(world)
                for _ in 0..<500 { try await step(world) }
                try await finish(world)
            } catch {
                Issue.record("DELIVERY_SEED=\(seed) after \(world.kills) kills: \(error)")
                return
            }
        }
        print("DELIVERY_SEED was one of \(seeds)")
    }

    private func check(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        if !holds { throw ModelFailure(what: what()) }
    }

    struct ModelFailure: Error, CustomStringConvertible {
        let what: String
        var description: String { what }
    }

    // MARK: steps

    private func open(_ world: World) throws {
        world.store = nil
        let store = try ConsumerStore(
            directory: world.scratch.path, consumer: "model", logger: Logger(label: "test"))
        world.store = store
        var state = DeliveryState(
            policy: world.policy, needsLanesInOrder: world.needsLanesInOrder, lanes: store.lanes, slots: store.slots,
            now: world.now)
        for (lane, produced) in world.produced {
            switch state.start(of: lane) {
            case .after(let place):
                world.fed[lane] = produced.prefix { $0.position <= place }.count
            default:
                world.fed[lane] = 0
                state.receive([.start(lane, after: LanePosition(epoch: 1, sequence: 0))], now: world.now)
            }
        }
        world.state = state
    }

    private func step(_ world: World) async throws {
        switch world.pick(0...99) {
        case 0..<20: produce(world)
        case 20..<45: feed(world, world.pickLane())
        case 45..<70: try await act(world)
        case 70..<90: try complete(world)
        case 90..<97: try await settleCommit(world, mayFail: true)
        case 97..<99: try await kill(world)
        default: world.elapsed += .milliseconds(world.pick(1...300))
        }
    }

    private func produce(_ world: World) {
        let lane = world.pickLane()
        var last = world.produced[lane]?.last?.position ?? LanePosition(epoch: 1, sequence: 0)
        if world.chance(8) { last = LanePosition(epoch: last.epoch + UInt64(world.pick(1...3)), sequence: 0) }
        let isEvicted = world.chance(8)
        let badness = world.chance(10) ? 60 : 3
        for _ in 0..<world.pick(1...12) {
            last.sequence += 1
            var collected = world.now.seconds
            if lane.dataType == World.sampled {
                world.samplesProduced += 1
                // Mostly four or so to a slot, and not all in order.
                collected += world.samplesProduced / 4 - Int64(world.pick(0...4))
            }
            let isStale = world.chance(5)
            world.produced[lane]?.append(
                Produced(
                    position: last, rank: world.pick(0...2), isStale: isStale, isBad: world.chance(badness),
                    isEvicted: isEvicted, collected: isStale ? collected - 10_000 : collected))
        }
    }

    private func feed(_ world: World, _ lane: Lane) {
        guard let all = world.produced[lane], let from = world.fed[lane], from < all.count,
            let room = world.state?.room(in: lane), room > 0
        else { return }
        let count = world.pick(1...20)
        var items: [StreamItem] = []
        var index = from
        while index < min(all.count, from + count) {
            let first = all[index]
            let previous = index > 0 ? all[index - 1].position : LanePosition(epoch: 1, sequence: 0)
            var end = index + 1
            while end < min(all.count, from + count), all[end].isEvicted == first.isEvicted,
                first.isEvicted || all[end].rank == first.rank && all[end].position.epoch == first.position.epoch
            {
                end += 1
            }
            if first.isEvicted {
                let gap = StreamGap(
                    lane: lane, after: previous, through: all[end - 1].position, count: UInt64(end - index),
                    reason: .evicted)
                items.append(.gap(gap))
            } else {
                var batch = EnvelopeBatch(
                    lane: lane, epoch: first.position.epoch, nodeType: "worker", nodeRank: first.rank)
                for envelope in all[index..<end] {
                    let isOld = envelope.position.sequence % 5 == 0
                    batch.append(
                        sequence: envelope.position.sequence,
                        collectionTime: envelope.collected,
                        publishTime: isOld ? 0 : world.now.nanoseconds,
                        body: Array((envelope.isBad ? "bad" : "good").utf8).span)
                }
                items.append(.batch(batch))
            }
            index = end
        }
        world.fed[lane] = index
        _ = world.state?.receive(items, now: world.now)
    }

    private func act(_ world: World) async throws {
        switch world.state?.next(now: world.now) {
        case .send(let call)?:
            try check(
                !world.calls.contains { $0.key == call.key }, "two calls of one queue at the same time")
            try check(call.batch.count <= world.policy.batchCount, "a batch is too long")
            world.calls.append(call)
        case .commit(let commit)?:
            try check(world.commit == nil, "two commits at the same time")
            world.commit = commit
        case .wait(let until?)?: if world.chance(50) { world.elapsed = max(world.elapsed, until - world.start) }
        default: break
        }
    }

    /// The master takes the first `count` of a call.
    private func take(_ world: World, _ call: SendPiece, _ count: Int) throws {
        for entry in call.batch.entries.prefix(count) {
            let place = Place(
                lane: call.key.lane, position: LanePosition(epoch: call.batch.epoch, sequence: entry.sequence))
            world.taken[place, default: 0] += 1
            if call.key.lane.dataType == World.sampled {
                let slot = SampleSlot(of: entry, in: call.batch, length: .seconds(3))
                world.sampled[slot, default: 0] += 1
                try check(world.sampled[slot] == 1, "\(slot) was sampled twice")
                try check(world.taken[place] == 1, "\(place) was sent again")
                continue
            }
            if world.taken[place] == 1 {
                let last = world.lastTaken[call.key]
                try check(last.map { $0 < place.position } ?? true, "\(place) came after \(last as Any)")
                world.lastTaken[call.key] = place.position
            } else {
                try check(world.mayRepeat.contains(place), "\(place) was sent again without a reason")
            }
        }
    }

    private func places(_ call: SendPiece, _ count: Int) -> [Place] {
        call.batch.entries.prefix(count).map {
            Place(lane: call.key.lane, position: LanePosition(epoch: call.batch.epoch, sequence: $0.sequence))
        }
    }

    private func complete(_ world: World, alwaysAnswers: Bool = false) throws {
        guard !world.calls.isEmpty else { return }
        let call = world.calls.remove(at: world.pick(0...world.calls.count - 1))
        let batch = call.batch
        let good = batch.contents.prefix { $0 == "good" }.count
        if call.key.lane.dataType == World.sampled {
            return try completeSample(world, call, alwaysAnswers: alwaysAnswers)
        }
        var outcome: ReportOutcome
        switch alwaysAnswers ? 0 : world.pick(0...99) {
        case 0..<60:
            try take(world, call, good)
            outcome = ReportOutcome(accepted: good)
            if good < batch.count { outcome.failure = .refused() }
        case 60..<70 where good < batch.count:
            // Joined, and all refused for the one that is bad.
            outcome = ReportOutcome(accepted: 0, failure: .refused(batch.count))
        case 70..<85:
            let count = world.pick(0...good)
            try take(world, call, count)
            outcome = ReportOutcome(accepted: count, failure: .unavailable)
        default:
            // The answer is lost; the master has some of it.
            try take(world, call, world.pick(0...good))
            world.mayRepeat.formUnion(places(call, good))
            outcome = ReportOutcome(
                accepted: 0,
                failure: .init(count: 1, error: ReportError(code: .deadlineExceeded, message: "late")))
        }
        world.acknowledged.formUnion(places(call, outcome.accepted))
        _ = world.state?.complete(call, outcome, now: world.now)
    }

    private func completeSample(_ world: World, _ call: SendPiece, alwaysAnswers: Bool) throws {
        try check(call.batch.count == 1, "samples go one by one")
        let failure = ReportError(code: .unavailable, message: "no answer", isAmbiguous: true)
        var outcome = ReportOutcome(accepted: 0, failure: .init(count: 1, error: failure))
        switch alwaysAnswers ? 0 : world.pick(0...99) {
        case _ where call.batch.contents == ["bad"]:
            outcome = ReportOutcome(accepted: 1, skipped: [.init(index: 0, rule: "unfit", reason: "it is bad")])
        case 0..<60:
            try take(world, call, 1)
            outcome = ReportOutcome(accepted: 1)
        case 60..<75: outcome = ReportOutcome(accepted: 0, failure: .unavailable)
        case 75..<85: break
        default: try take(world, call, 1)
        }
        _ = world.state?.complete(call, outcome, now: world.now)
    }

    private func settleCommit(_ world: World, mayFail: Bool) async throws {
        guard let commit = world.commit, let store = world.store else { return }
        world.commit = nil
        var result: CommitResult
        if mayFail, world.chance(15) {
            result = CommitResult()
            result.failed = Set(commit.lanes.keys.filter { _ in world.chance(70) })
            var rest = commit
            for lane in result.failed {
                rest.lanes[lane] = nil
                rest.deadLetters[lane] = nil
            }
            result.lettersWritten = await store.write(rest).lettersWritten
            result.error = result.failed.isEmpty ? nil : "disk full"
        } else {
            result = await store.write(commit)
        }
        try check(result.failed.isEmpty || mayFail, "a commit failed: \(result.error ?? "")")
        _ = world.state?.committed(commit, result, now: world.now)
        try checkBalance(world)
    }

    /// A kill: what is in memory is gone; the master may still get what was under way.
    private func kill(_ world: World) async throws {
        world.kills += 1
        for call in world.calls {
            let good = call.batch.contents.prefix { $0 == "good" }.count
            try take(world, call, world.pick(0...good))
            guard call.key.lane.dataType != World.sampled else { continue }
            world.mayRepeat.formUnion(places(call, good))
        }
        if world.commit != nil, world.chance(50), let commit = world.commit { _ = await world.store?.write(commit) }
        world.calls = []
        world.commit = nil
        world.state = nil
        // Acknowledged, but not in the store.
        await world.store?.close()
        try open(world)
        for place in world.acknowledged {
            guard let lane = world.state?.ledgers[place.lane] else { continue }
            let isAhead = lane.window.ahead.contains { $0.start <= place.position && place.position <= $0.end }
            if place.position > lane.window.cursor, !isAhead { world.mayRepeat.insert(place) }
        }
        for place in world.acknowledged where world.state?.ledgers[place.lane]?.stored == nil {
            world.mayRepeat.insert(place)
        }
        try checkBalance(world)
    }

    // MARK: what must hold

    /// Produced is delivered, skipped, lost or pending, in what the store has.
    private func checkBalance(_ world: World) throws {
        for (lane, ledger) in world.state?.ledgers ?? [:] {
            guard let stored = ledger.stored, let produced = world.produced[lane] else { continue }
            let passed = produced.prefix { $0.position <= stored.cursor }.count
            let ahead = stored.ahead.reduce(0) { $0 + $1.count }
            try check(
                stored.counts.total == UInt64(passed) + ahead,
                "\(lane): \(stored.counts) but passed \(passed) and \(ahead) ahead")
        }
    }

    /// Each slot has a sample if there was a good one, but for those whose answer was lost.
    private func checkSamples(_ world: World) throws {
        var wanted: Set<SampleSlot> = []
        var counts = LaneCounts()
        for (lane, produced) in world.produced where lane.dataType == World.sampled {
            let ledger = try #require(world.state?.ledgers[lane])
            try check(
                produced.isEmpty || ledger.window.cursor == produced.last?.position, "\(lane) is not at its end")
            counts.delivered += ledger.counts.delivered
            counts.lost.merge(ledger.counts.lost, uniquingKeysWith: +)
            for envelope in produced where !envelope.isBad && !envelope.isStale && !envelope.isEvicted {
                wanted.insert(
                    SampleSlot(
                        dataType: lane.dataType, nodeType: "worker", nodeRank: envelope.rank,
                        start: envelope.collected / 3 * 3))
            }
        }
        let ambiguous = counts.lost["ambiguous"] ?? 0
        let missing = wanted.filter { world.sampled[$0] == nil }.count
        try check(missing <= ambiguous, "\(missing) slots have no sample, and \(ambiguous) were ambiguous")
        try check(
            UInt64(world.sampled.count) - counts.delivered <= ambiguous,
            "\(world.sampled.count) were taken: \(counts)")
    }

    private func finish(_ world: World) async throws {
        world.state?.storageRetry = nil
        for _ in 0..<200_000 {
            for lane in world.produced.keys { feed(world, lane) }
            let isFed = world.produced.allSatisfy { world.fed[$0.key] == $0.value.count }
            let held = world.state?.held.values.reduce(0, +) ?? 0
            if isFed, held == 0, world.calls.isEmpty, world.commit == nil, world.state?.dirty.isEmpty == true { break }
            world.elapsed += .milliseconds(20)
            try await act(world)
            try complete(world, alwaysAnswers: true)
            try await settleCommit(world, mayFail: false)
        }
        try checkBalance(world)
        let letters = Set(
            world.scratch.lines(world.store?.deadLetterPath ?? "").map { line in
                let letter = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                return "\(letter?["publisher"] ?? "")/\(letter?["data_type"] ?? "")/"
                    + "\(letter?["epoch"] ?? "")/\(letter?["sequence"] ?? "")"
            })
        try checkSamples(world)
        for (lane, produced) in world.produced where lane.dataType != World.sampled {
            var ledger = try #require(world.state?.ledgers[lane])
            try check(
                produced.isEmpty || ledger.window.cursor == produced.last?.position,
                "\(lane) is at \(ledger.window.cursor) of \(String(describing: produced.last?.position))")
            try check(ledger.takeLosses().isEmpty, "losses were not told")
            for envelope in produced {
                let taken = world.taken[Place(lane: lane, position: envelope.position)] ?? 0
                let what = "\(lane) \(envelope) was taken \(taken) times"
                if envelope.isEvicted || envelope.isStale || envelope.isBad {
                    try check(taken == 0, what)
                } else {
                    try check(taken >= 1, what)
                }
                let isLetter = letters.contains("\(lane.publisher)/\(lane.dataType)/\(envelope.position)")
                let isRefused = envelope.isBad && !envelope.isEvicted && !envelope.isStale
                try check(isLetter == isRefused, "\(lane) \(envelope): dead letter \(isLetter)")
            }
            let skipped = ledger.counts.skipped.values.reduce(0, +)
            let lost = ledger.counts.lost.values.reduce(0, +)
            try check(lost == UInt64(produced.count { $0.isEvicted }), "\(lane) lost \(lost)")
            try check(
                skipped == UInt64(produced.count { !$0.isEvicted && ($0.isStale || $0.isBad) }),
                "\(lane) skipped \(skipped)")
        }
    }
}
