import Diagnosis
import Testing

@testable import Delivery

@Suite struct DeliveryStateTests {
    /// The state with a store that takes everything at once.
    struct Fixture {
        static let start = DeliveryTime(instant: .now, nanoseconds: 1_000_000_000_000)
        var state: DeliveryState
        /// In the order of their commits.
        var committedSlots: [SlotChange] = []

        init(
            needsLanesInOrder: Bool = false, lanes: [Lane: StoredLane] = [:], slots: [SlotMark] = [],
            _ change: (inout DeliveryPolicy) -> Void = { _ in }
        ) {
            var policy = DeliveryPolicy()
            change(&policy)
            state = DeliveryState(
                policy: policy, needsLanesInOrder: needsLanesInOrder, lanes: lanes, slots: slots, now: Self.start)
        }

        static func time(_ duration: Duration) -> DeliveryTime {
            DeliveryTime(
                instant: start.instant + duration,
                nanoseconds: start.nanoseconds + UInt64(max(0, duration / .nanoseconds(1))))
        }

        mutating func add(_ batch: EnvelopeBatch, at time: Duration = .zero) {
            state.receive([.batch(batch)], now: Self.time(time))
        }

        /// The next call, or why there is none.
        mutating func next(at time: Duration) -> (call: SendPiece?, text: String) {
            state.needsAnnouncement = false
            while true {
                switch state.next(now: Self.time(time)) {
                case .send(let call): return (call, "send " + call.batch.contents.joined(separator: " "))
                case .commit(let commit):
                    committedSlots += commit.lanes.values.flatMap(\.slots)
                    var result = CommitResult()
                    result.lettersWritten = Set(commit.deadLetters.keys)
                    _ = state.committed(commit, result, now: Self.time(time))
                    state.needsAnnouncement = false
                case .wait(nil): return (nil, "wait")
                case .wait(let until?): return (nil, "wait until \(until - Self.start.instant)")
                case .finished: return (nil, "finished")
                }
            }
        }

        mutating func send(at time: Duration) -> String { next(at: time).text }

        /// Begins a call and completes it.
        @discardableResult
        mutating func call(
            at time: Duration, accepted: Int? = nil, _ failure: ReportOutcome.Failure? = nil
        ) throws -> [String] {
            let (call, text) = next(at: time)
            let begun = try #require(call, "\(text)")
            complete(begun, accepted: accepted ?? (failure == nil ? begun.batch.count : 0), failure, at: time)
            return begun.batch.contents
        }

        @discardableResult
        mutating func complete(
            _ call: SendPiece, accepted: Int, _ failure: ReportOutcome.Failure? = nil, at time: Duration
        ) -> CallEffect {
            state.complete(call, ReportOutcome(accepted: accepted, failure: failure), now: Self.time(time))
        }

        func counts(_ type: DiagnosisDataType = .trainingLog) -> LaneCounts? { state.ledgers[.test(type)]?.counts }

        func states(at time: Duration) -> [String: String] {
            state.accounts(consumer: "c", now: Self.time(time))[.test]?.state ?? [:]
        }
    }

    // MARK: batches and order

    @Test func waitsForABatchToFillUp() {
        var fixture = Fixture { $0.batchCount = 3 }
        #expect(fixture.send(at: .zero) == "wait")
        fixture.add(.test(["a"]))
        #expect(fixture.send(at: .zero) == "wait until 1.0 seconds")
        fixture.add(.test(["b", "c", "d"], first: 2))
        #expect(fixture.send(at: .zero) == "send a b c")
        #expect(fixture.send(at: .seconds(9)) == "wait")
    }

    @Test func sendsWhatWaitedAsOneBatchAndOneAtATime() throws {
        var fixture = Fixture()
        fixture.add(.test(["a"]))
        let first = try #require(fixture.next(at: .seconds(1)).call)
        fixture.add(.test(["b"], first: 2))
        fixture.add(.test(["c"], first: 3))
        #expect(fixture.send(at: .seconds(5)) == "wait")
        fixture.complete(first, accepted: 1, at: .seconds(5))
        #expect(fixture.send(at: .seconds(5)) == "send b c")
    }

    @Test func whatWasAcceptedIsStoredBeforeTheNextCallOfItsQueue() throws {
        var fixture = Fixture { $0.batchTime = .zero }
        fixture.add(.test(["a"]))
        let first = try #require(fixture.next(at: .zero).call)
        fixture.add(.test(["b"], first: 2))
        fixture.complete(first, accepted: 1, at: .zero)
        guard case .commit(let commit) = fixture.state.next(now: Fixture.start) else {
            Issue.record("no commit")
            return
        }
        #expect(commit.lanes[.test()]?.lane.cursor == .at(1))
        fixture.state.needsAnnouncement = false
        guard case .wait(nil) = fixture.state.next(now: Fixture.start) else {
            Issue.record("it did not wait for the commit")
            return
        }
        _ = fixture.state.committed(commit, CommitResult(), now: Fixture.start)
        #expect(fixture.send(at: .zero) == "send b")
    }

    @Test func lanesAndNodesGoSideBySideUpToTheLimit() {
        var fixture = Fixture { $0.callsUnderWay = 3 }
        fixture.add(.test(["a"], rank: 0))
        fixture.add(.test(["b"], first: 2, rank: 1))
        fixture.add(.test(["c"], type: .stackTrace))
        fixture.add(.test(["d"], type: .generic))
        let sent = Set((0..<3).map { _ in fixture.send(at: .seconds(1)) })
        #expect(sent.count == 3 && sent.contains("send c"))
        #expect(fixture.send(at: .seconds(1)) == "wait")
    }

    @Test func keepsAWholeLaneInOrderWhereTheMasterNeedsThat() throws {
        var fixture = Fixture(needsLanesInOrder: true)
        fixture.add(.test(["a"], rank: 1))
        fixture.add(.test(["b"], first: 2, rank: 0))
        let first = try #require(fixture.next(at: .seconds(1)).call)
        #expect(first.batch.contents == ["a"])
        #expect(fixture.send(at: .seconds(1)) == "wait")
        fixture.complete(first, accepted: 1, at: .seconds(1))
        #expect(fixture.send(at: .seconds(1)) == "send b")
    }

    @Test func neverPutsTwoEpochsIntoOneBatch() {
        var fixture = Fixture()
        fixture.add(.test(["a"], epoch: 1))
        fixture.add(.test(["b"], epoch: 2))
        #expect(fixture.send(at: .seconds(1)) == "send a")
    }

    @Test func aNewLaneIsStoredBeforeItsFirstCall() {
        var fixture = Fixture { $0.batchTime = .zero }
        #expect(fixture.state.start(of: .test()) == .oldest)
        fixture.state.receive([.start(.test(), after: .at(6)), .batch(.test(["a"], first: 7))], now: Fixture.start)
        guard case .commit(let commit) = fixture.state.next(now: Fixture.start) else {
            Issue.record("no commit")
            return
        }
        #expect(commit.lanes[.test()]?.lane.origin == .at(6))
        guard case .wait = fixture.state.next(now: Fixture.start) else {
            Issue.record("it did not wait for the commit")
            return
        }
        _ = fixture.state.committed(commit, CommitResult(), now: Fixture.start)
        #expect(fixture.send(at: .zero) == "send a")
        #expect(fixture.state.start(of: .test()) == .after(.at(7)))
    }

    // MARK: failures

    @Test func triesAgainAfterAPauseFromWhereItFailedWithOneCallForAll() throws {
        var fixture = Fixture { $0.backoff.min = .seconds(2) }
        fixture.add(.test(["a", "b", "c"]))
        fixture.add(.test(["x"], first: 4, rank: 1), at: .seconds(5))
        let call = try #require(fixture.next(at: .seconds(1)).call)
        fixture.complete(call, accepted: 1, .unavailable, at: .seconds(1))
        #expect(fixture.send(at: .milliseconds(1900)).hasPrefix("wait until"))
        let sent = fixture.send(at: .seconds(20))
        #expect(sent == "send b c" || sent == "send x")
        #expect(fixture.send(at: .seconds(20)) == "wait")
    }

    @Test func theBreakerOpensAfterFailuresInARowAndOneCallProbes() throws {
        var fixture = Fixture {
            $0.breakerFailures = 3
            $0.backoff.min = .seconds(1)
            $0.backoff.max = .seconds(1)
        }
        fixture.add(.test(["a"]))
        fixture.add(.test(["b"], first: 2, rank: 1))
        for second in [2, 4] {
            try fixture.call(at: .seconds(second), .unavailable)
            #expect(fixture.states(at: .seconds(second))["breaker"] == "closed")
        }
        try fixture.call(at: .seconds(6), .unavailable)
        #expect(fixture.states(at: .seconds(6))["breaker"] == "open")
        #expect(fixture.states(at: .seconds(6))["last_error"] == "away")
        #expect(fixture.states(at: .seconds(8))["breaker"] == "half-open")
        let probe = try #require(fixture.next(at: .seconds(8)).call)
        #expect(fixture.send(at: .seconds(8)) == "wait")
        fixture.complete(probe, accepted: 1, at: .seconds(8))
        #expect(fixture.states(at: .seconds(8))["breaker"] == "closed")
        #expect(fixture.send(at: .seconds(8)).hasPrefix("send"))
    }

    @Test func callsThatFailSideBySideAreOneFailure() throws {
        var fixture = Fixture()
        for rank in 0..<8 { fixture.add(.test(["a"], first: UInt64(rank + 1), rank: rank)) }
        let calls = try (0..<8).map { _ in try #require(fixture.next(at: .seconds(1)).call) }
        for call in calls { fixture.complete(call, accepted: 0, .unavailable, at: .seconds(1)) }
        #expect(fixture.state.breaker.failures == 1)
    }

    @Test func findsTheBadOneOfAJoinedReport() throws {
        var fixture = Fixture()
        fixture.add(.test(["a", "bad", "c"]))
        #expect(try fixture.call(at: .seconds(1), .refused(3)) == ["a", "bad", "c"])
        #expect(try fixture.call(at: .seconds(1)) == ["a"])
        let (call, text) = fixture.next(at: .seconds(1))
        #expect(text == "send bad")
        let effect = fixture.complete(try #require(call), accepted: 0, .refused(), at: .seconds(1))
        #expect(effect.refused)
        #expect(fixture.state.deadLetters[.test()]?.map(\.batch.contents) == [["bad"]])
        #expect(try fixture.call(at: .seconds(1)) == ["c"])
        #expect(fixture.counts()?.delivered == 2)
        #expect(fixture.counts()?.skipped == ["refused": 1])
    }

    @Test func aTypeThatIsRefusedAgainAndAgainIsHeldAndThenTriedWithOne() throws {
        var fixture = Fixture()
        fixture.add(.test((1...9).map { "bad \($0)" }))
        fixture.add(.test(["good"], type: .stackTrace))
        for _ in 0..<4 { fixture.add(.test(["bad"], type: .generic)) }
        #expect(try fixture.call(at: .seconds(1)) == ["good"])
        #expect(try fixture.call(at: .seconds(1)) == ["bad"])
        try fixture.call(at: .seconds(1), .refused(9))
        for _ in 1...5 { try fixture.call(at: .seconds(1), .refused()) }
        #expect(fixture.states(at: .seconds(1))["held_types"] == "TRAINING_LOG")
        #expect(fixture.send(at: .seconds(2)) == "wait until 31.0 seconds")
        fixture.add(.test(["more"], first: 2, type: .stackTrace), at: .seconds(2))
        #expect(try fixture.call(at: .seconds(3)) == ["more"])
        #expect(try fixture.call(at: .seconds(31), .refused()) == ["bad 6"])
        #expect(fixture.send(at: .seconds(32)) == "wait until 91.0 seconds")
        #expect(try fixture.call(at: .seconds(91), .unavailable) == ["bad 7"])
        #expect(try fixture.call(at: .seconds(125)) == ["bad 7"])
        #expect(fixture.states(at: .seconds(125))["held_types"] == nil)
        #expect(fixture.counts()?.skipped == ["refused": 6])
    }

    @Test func thePauseOfATypeDoublesUpToItsLimit() {
        var breaker = TypeBreaker(policy: DeliveryPolicy())
        var now = ContinuousClock.now
        for _ in 1...4 { #expect(breaker.refuse(now: now) == nil) }
        for seconds in [30, 60, 120, 240, 480, 600, 600] {
            #expect(breaker.refuse(now: now) == .seconds(seconds))
            #expect(breaker.refuse(now: now) == nil)
            now += .seconds(seconds)
            #expect(breaker.state(now: now) == .halfOpen)
        }
        #expect(breaker.accept() == true)
        #expect(breaker.state(now: now) == .closed)
    }

    @Test func anotherJobsMasterGetsNothingMoreAndAllStaysPending() throws {
        var fixture = Fixture()
        fixture.add(.test(["a", "b"]))
        try fixture.call(at: .seconds(1), .wrongJob)
        #expect(fixture.send(at: .seconds(2)) == "finished")
        #expect(fixture.state.held == [.test(): 2])
        #expect(fixture.state.room(in: .test()) == 0)
        #expect(fixture.counts()?.total == 0)
        #expect(fixture.states(at: .seconds(2))["stopped"] == "other job")
    }

    @Test func whatCannotBeStoredHoldsItsLaneAndIsTriedAgain() throws {
        var fixture = Fixture {
            $0.batchTime = .zero
            $0.backoff.min = .seconds(2)
        }
        fixture.add(.test(["a", "b"]))
        fixture.add(.test(["x"], type: .stackTrace))
        #expect(try fixture.call(at: .zero) == ["x"])
        let call = try #require(fixture.next(at: .zero).call)
        fixture.complete(call, accepted: 1, .refused(), at: .zero)
        guard case .commit(let commit) = fixture.state.next(now: Fixture.start) else {
            Issue.record("no commit")
            return
        }
        #expect(commit.deadLetters[.test()]?.count == 1)
        var result = CommitResult()
        result.failed = [.test()]
        result.error = "disk full"
        #expect(fixture.state.committed(commit, result, now: Fixture.start) == false)
        fixture.add(.test(["c"], first: 3))
        fixture.add(.test(["y"], first: 2, type: .stackTrace))
        #expect(try fixture.call(at: .zero) == ["y"])
        #expect(fixture.states(at: .zero)["storage"] == "failing")
        #expect(fixture.states(at: .zero)["last_error"] == "disk full")
        #expect(fixture.send(at: .milliseconds(500)).hasPrefix("wait until"))
        #expect(fixture.counts()?.delivered == 1 && fixture.state.ledgers[.test()]?.stored?.counts.delivered == 0)
        guard case .commit(let again) = fixture.state.next(now: Fixture.time(.seconds(3))) else {
            Issue.record("no second commit")
            return
        }
        #expect(again.deadLetters[.test()]?.count == 1)
        result = CommitResult()
        result.lettersWritten = [.test()]
        #expect(fixture.state.committed(again, result, now: Fixture.time(.seconds(3))) == true)
        #expect(fixture.state.deadLetters.isEmpty)
        #expect(try fixture.call(at: .seconds(3)) == ["c"])
    }

    // MARK: rules

    @Test func whatSaysThatLinesWereLeftOutIsSkipped() throws {
        var fixture = Fixture { _ in }
        fixture.add(.test(["a"]))
        fixture.add(.testShed(2))
        fixture.add(.test(["b"], first: 3))
        var sent: [String] = []
        while fixture.counts()?.delivered != 2 { sent += try fixture.call(at: .seconds(1)) }
        #expect(sent == ["a", "b"])
        #expect(fixture.send(at: .seconds(1)) == "wait")
        #expect(fixture.counts()?.skipped == ["shed": 1])
        #expect(fixture.state.cost == 0 && fixture.state.queues.isEmpty)
    }

    @Test func whatIsTooOldIsSkipped() throws {
        var fixture = Fixture {
            $0.timeToLive = .seconds(600)
            $0.timeToLiveByType = [.stackTrace: .seconds(60)]
        }
        fixture.add(.test(["a"], collected: 399))
        fixture.add(.test(["b"], first: 2, collected: 500))
        fixture.add(.test(["c"], first: 3, collected: 300))
        fixture.add(.test(["d"], first: 4, collected: 900))
        fixture.add(.test(["x"], type: .stackTrace, collected: 900))
        #expect(try fixture.call(at: .seconds(1)) == ["b"])
        #expect(try fixture.call(at: .seconds(1)) == ["d"])
        #expect(fixture.send(at: .seconds(1)) == "wait")
        #expect(fixture.counts()?.skipped == ["stale": 2])
        #expect(fixture.counts(.stackTrace)?.skipped == ["stale": 1])
        #expect(
            fixture.state.takeNews()?.skipped.mapValues(\.count) == [
                DeliveryNews.Rule(type: .trainingLog, name: "stale"): 2,
                DeliveryNews.Rule(type: .stackTrace, name: "stale"): 1,
            ])
        #expect(fixture.state.cost == 0 && fixture.state.costByLane.isEmpty)
        #expect(fixture.state.queues.isEmpty)
    }

    @Test func catchingUpIsBoundedAndLiveEnvelopesAreNot() throws {
        var fixture = Fixture {
            $0.catchUpBytesPerSecond = 10
            $0.batchTime = .zero
            $0.batchCount = 1
        }
        let live = Fixture.start.nanoseconds
        fixture.add(.test([String(repeating: "a", count: 30), "b"], type: .generic))
        fixture.add(.test(["live", "more"], type: .stackTrace, published: live))
        try fixture.call(at: .zero)
        #expect(try fixture.call(at: .zero) == ["more"])
        #expect(try fixture.call(at: .zero).first?.count == 30)
        #expect(fixture.send(at: .seconds(1)) == "wait until 2.1 seconds")
        fixture.add(.test(["c"], first: 3, type: .stackTrace, published: live))
        #expect(try fixture.call(at: .seconds(1)) == ["c"])
        #expect(try fixture.call(at: .milliseconds(2200)) == ["b"])
    }

    @Test func stacksGoFirstLogsLastAndNobodyStarves() throws {
        var fixture = Fixture {
            $0.batchTime = .zero
            $0.batchCount = 1
        }
        fixture.add(.test((1...20).map { "log \($0)" }))
        fixture.add(.test((1...100).map { "generic \($0)" }, type: .generic))
        fixture.add(.test((1...100).map { "stack \($0)" }, type: .stackTrace))
        let sent = try (1...80).map { _ in try #require(try fixture.call(at: .zero).first) }
        #expect(sent.prefix(7).allSatisfy { $0.hasPrefix("stack") })
        for kind in ["log", "generic"] { #expect((4...5).contains(sent.count { $0.hasPrefix(kind) })) }
    }

    @Test func namedTypesAreRankedInTheirOrder() {
        var policy = DeliveryPolicy()
        policy.firstTypes = [.generic, .stackTrace]
        let types: [DiagnosisDataType] = [.trainingLog, .stackTrace, .xpuTimerMetric, .generic]
        #expect(
            types.sorted { policy.rank(of: $0) < policy.rank(of: $1) } == [
                .generic, .stackTrace, .xpuTimerMetric, .trainingLog,
            ])
    }

    // MARK: room

    @Test func roomIsSharedAndAnEmptyLaneHasAlwaysSome() {
        var fixture = Fixture { $0.queueBytes = 10_000 }
        let big = String(repeating: "a", count: 4000)
        #expect(fixture.state.room(in: .test()) == 10_000)
        fixture.add(.test([big]))
        let room = fixture.state.room(in: .test())
        #expect(room > 1000 && room < 2000)
        fixture.add(.test([big], first: 2))
        #expect(fixture.state.room(in: .test()) == 0)
        #expect(fixture.state.room(in: .test(.generic)) > 0)
        fixture.add(.test([big], type: .generic))
        #expect(fixture.state.room(in: .test(.stackTrace)) == 1)
        #expect(fixture.state.takeRoomNews() == false)
    }

    @Test func saysOnceWhenRoomIsBackAndSendsWhatHasNoRoomAtOnce() throws {
        var fixture = Fixture { $0.queueBytes = 10_000 }
        fixture.add(.test([String(repeating: "a", count: 6000)]))
        #expect(fixture.send(at: .zero) == "wait until 1.0 seconds")
        #expect(fixture.state.room(in: .test()) == 0)
        let call = try #require(fixture.next(at: .zero).call)
        #expect(fixture.state.takeRoomNews() == false)
        fixture.complete(call, accepted: 1, at: .zero)
        #expect(fixture.state.takeRoomNews() == true)
        #expect(fixture.state.takeRoomNews() == false)
        #expect(fixture.state.cost == 0)
    }

    @Test func tinyEnvelopesCountForMoreThanTheirBodies() {
        var fixture = Fixture { $0.queueBytes = 10_000 }
        for sequence in 1...1000 where fixture.state.room(in: .test()) > 0 {
            fixture.add(.test(["a"], first: UInt64(sequence)))
        }
        #expect(fixture.state.held.values.reduce(0, +) < 20)
    }

    // MARK: the end

    @Test func finishesWhenAllIsDeliveredAndStored() throws {
        var fixture = Fixture()
        fixture.add(.test(["a"]))
        fixture.state.finish()
        let call = try #require(fixture.next(at: .zero).call)
        #expect(fixture.send(at: .zero) == "wait")
        fixture.complete(call, accepted: 1, at: .zero)
        #expect(fixture.send(at: .zero) == "finished")
    }

    @Test func triesAtOnceWhenItFinishesWhateverThePause() throws {
        var fixture = Fixture { $0.backoff.min = .seconds(1000) }
        fixture.add(.test(["a"]))
        try fixture.call(at: .seconds(1), .unavailable)
        #expect(fixture.send(at: .seconds(2)).hasPrefix("wait until"))
        fixture.state.finish()
        try fixture.call(at: .seconds(2), .unavailable)
        #expect(fixture.send(at: .milliseconds(2500)) == "send a")
    }

    @Test func doesNotWaitForHeldTypesAtTheEnd() throws {
        var fixture = Fixture { $0.typeBreakerRefusals = 1 }
        fixture.add(.test(["bad", "b"]))
        try fixture.call(at: .seconds(1), .refused())
        fixture.state.finish()
        #expect(fixture.send(at: .seconds(2)) == "finished")
        #expect(fixture.state.held == [.test(): 1])
    }

    @Test func pausesGrowAndVary() {
        var generator = SystemRandomNumberGenerator()
        var backoff = Backoff()
        backoff.min = .seconds(1)
        backoff.max = .seconds(10)
        for (failures, full) in [(1, 1.0), (2, 2), (3, 4), (4, 8), (5, 10), (500, 10)] {
            let delays = (0..<50).map { _ in backoff.delay(failures: failures, using: &generator) / .seconds(1) }
            #expect(delays.allSatisfy { $0 >= 0.5 && $0 <= full })
            #expect(Set(delays).count > 1)
        }
    }
}
