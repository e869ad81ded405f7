import Diagnosis
import Testing

@testable import Delivery

@Suite struct SampleSlotTests {
    typealias Fixture = DeliveryStateTests.Fixture

    static let type = DiagnosisDataType.xpuTimerMetric
    /// The start of a slot, a few seconds before the fixture's clock.
    static let slot = Fixture.start.seconds / 60 * 60

    static func sample(_ sequence: UInt64, at offset: Int64 = 0, rank: Int = 0) -> EnvelopeBatch {
        .test(["s\(sequence)"], first: sequence, type: type, rank: rank, collected: slot + offset)
    }

    static func mark(_ sequence: UInt64, at offset: Int64 = 0, rank: Int = 0) -> SlotMark {
        SlotMark(
            slot: SampleSlot(dataType: type, nodeType: "worker", nodeRank: rank, start: slot + offset),
            lane: .test(type), position: .at(sequence))
    }

    private func fixture(lanes: [Lane: StoredLane] = [:], slots: [SlotMark] = []) -> Fixture {
        Fixture(lanes: lanes, slots: slots) { $0.sampleSlots = [Self.type: .seconds(60)] }
    }

    private static let noAnswer = ReportOutcome.Failure(
        count: 1, error: ReportError(code: .deadlineExceeded, message: "late", isAmbiguous: true))

    @Test func theFirstOfASlotGoesAtOnceAndTheOthersAreSkipped() throws {
        var fixture = fixture()
        for sequence in 1...4 { fixture.add(Self.sample(UInt64(sequence), at: Int64(sequence) * 10)) }
        fixture.add(Self.sample(5, at: 60))
        fixture.add(Self.sample(6, at: 61, rank: 1))
        let calls = try (1...3).flatMap { _ in try fixture.call(at: .zero) }
        #expect(calls.filter { $0 != "s6" } == ["s1", "s5"] && calls.contains("s6"))
        #expect(fixture.send(at: .zero) == "wait")
        #expect(fixture.counts(Self.type)?.delivered == 3)
        #expect(fixture.counts(Self.type)?.skipped == ["slot": 3])
    }

    @Test func theMarkIsStoredBeforeTheCall() throws {
        var fixture = fixture()
        fixture.add(Self.sample(1))
        // The lane itself must be known first.
        guard case .commit(let first) = fixture.state.next(now: Fixture.time(.zero)) else { throw Unexpected() }
        _ = fixture.state.committed(first, CommitResult(), now: Fixture.time(.zero))
        guard case .commit(let second) = fixture.state.next(now: Fixture.time(.zero)) else { throw Unexpected() }
        #expect(second.lanes[.test(Self.type)]?.slots == [.mark(Self.mark(1))])
        var failed = CommitResult()
        failed.failed = [.test(Self.type)]
        _ = fixture.state.committed(second, failed, now: Fixture.time(.zero))
        guard case .wait = fixture.state.next(now: Fixture.time(.zero)) else { throw Unexpected() }
        guard case .commit(let third) = fixture.state.next(now: Fixture.time(.seconds(60))) else { throw Unexpected() }
        #expect(third.lanes[.test(Self.type)]?.slots == [.mark(Self.mark(1))])
        _ = fixture.state.committed(third, CommitResult(), now: Fixture.time(.seconds(60)))
        guard case .send = fixture.state.next(now: Fixture.time(.seconds(60))) else { throw Unexpected() }
    }

    private struct Unexpected: Error {}

    @Test func withoutAnAnswerItIsLostAndNotSentAgain() throws {
        var fixture = fixture()
        fixture.add(Self.sample(1))
        #expect(try fixture.call(at: .zero, Self.noAnswer) == ["s1"])
        fixture.add(Self.sample(2, at: 5), at: .seconds(5))
        #expect(fixture.send(at: .seconds(40)) == "wait")
        #expect(fixture.counts(Self.type)?.lost == ["ambiguous": 1])
        #expect(fixture.counts(Self.type)?.skipped == ["slot": 1])
        #expect(fixture.state.takeNews()?.lost == [.test(Self.type): ["ambiguous": 1]])
    }

    @Test func whatDidNotArriveIsSentAgain() throws {
        var fixture = fixture()
        fixture.add(Self.sample(1))
        #expect(try fixture.call(at: .zero, .unavailable) == ["s1"])
        #expect(try fixture.call(at: .seconds(40)) == ["s1"])
        _ = fixture.send(at: .seconds(40))
        #expect(fixture.counts(Self.type)?.delivered == 1)
        #expect(
            fixture.committedSlots == [.mark(Self.mark(1)), .withdraw(Self.mark(1)), .mark(Self.mark(1))])
    }

    @Test func oneThatTheMasterMustNotGetLeavesItsSlotToTheNext() throws {
        var fixture = fixture()
        fixture.add(Self.sample(1))
        fixture.add(Self.sample(2, at: 1))
        let (call, _) = fixture.next(at: .zero)
        let skip = ReportOutcome.Skip(index: 0, rule: "no-hang-line", reason: "it has none")
        _ = fixture.state.complete(
            try #require(call), ReportOutcome(accepted: 1, skipped: [skip]), now: Fixture.time(.zero))
        #expect(try fixture.call(at: .zero) == ["s2"])
        #expect(fixture.counts(Self.type)?.skipped == ["no-hang-line": 1])
        #expect(fixture.counts(Self.type)?.delivered == 1)
        let news = fixture.state.takeNews()?.skipped[.init(type: Self.type, name: "no-hang-line")]
        #expect(news?.count == 1 && news?.reason == "it has none")
    }

    @Test func afterAKillTheMarkSaysThatTheMasterMayHaveIt() throws {
        let lane = StoredLane(origin: .at(0), cursor: .at(0))
        var fixture = fixture(lanes: [.test(Self.type): lane], slots: [Self.mark(1)])
        fixture.add(Self.sample(1))
        fixture.add(Self.sample(2, at: 10))
        fixture.add(Self.sample(3, at: 60))
        #expect(try fixture.call(at: .zero) == ["s3"])
        #expect(fixture.counts(Self.type)?.lost == ["ambiguous": 1])
        #expect(fixture.counts(Self.type)?.skipped == ["slot": 1])
    }

    @Test func slotsAreOfNodesWhateverThePublisher() {
        var owners = SlotOwners()
        owners.add(Self.mark(1))
        var other = Self.mark(1)
        other.lane.publisher = PublisherID(high: 9, low: 9)
        #expect(owners.availability(for: Self.mark(1)) == .own)
        #expect(owners.availability(for: other) == .awaited)
        #expect(owners.availability(for: Self.mark(1, rank: 1)) == .free)
        owners.markSent(Self.mark(1))
        #expect(owners.availability(for: Self.mark(1)) == .ownSent)
        owners.decide(other)
        #expect(owners.availability(for: other) == .awaited)
        owners.decide(Self.mark(1))
        #expect(owners.availability(for: other) == .taken)
        owners.remove(Self.mark(1))
        #expect(owners.availability(for: other) == .free)
    }

    /// The other publisher's sample goes if the first is not for the master, and else is passed.
    @Test(arguments: ["unfit", "delivered", "ambiguous", "withdrawn"])
    func anotherPublishersSampleWaitsForTheFirstsFate(fate: String) throws {
        var fixture = fixture()
        fixture.add(Self.sample(1))
        let (call, _) = fixture.next(at: .zero)
        let lane = Lane(publisher: PublisherID(high: 9, low: 9), dataType: Self.type)
        var other = EnvelopeBatch(lane: lane, epoch: 1, nodeType: "worker", nodeRank: 0)
        other.append(
            sequence: 1, collectionTime: Self.slot + 1, publishTime: 0, body: Array("other".utf8).span)
        fixture.add(other)
        #expect(fixture.send(at: .zero) == "wait")
        var outcome = ReportOutcome(accepted: 1)
        switch fate {
        case "unfit": outcome.skipped = [ReportOutcome.Skip(index: 0, rule: "unfit", reason: "it is bad")]
        case "ambiguous": outcome = ReportOutcome(accepted: 0, failure: Self.noAnswer)
        case "withdrawn": outcome = ReportOutcome(accepted: 0, failure: .unavailable)
        default: break
        }
        _ = fixture.state.complete(try #require(call), outcome, now: Fixture.time(.zero))
        var sent: [String] = []
        while let next = fixture.next(at: .seconds(40)).call {
            sent += next.batch.contents
            fixture.complete(next, accepted: 1, at: .seconds(40))
        }
        let expected = ["unfit": ["other"], "delivered": [], "ambiguous": []]
        if let expected = expected[fate] { #expect(sent == expected) } else { #expect(sent.count == 1) }
        let skipped = [lane, .test(Self.type)].compactMap { fixture.state.ledgers[$0]?.counts.skipped["slot"] }
        #expect(skipped.reduce(0, +) == (fate == "unfit" ? 0 : 1))
    }

    @Test(arguments: [(0, 0), (59, 0), (60, 60), (-1, -60), (-60, -60), (.max, .max - 7), (.min, .min)])
    func slotsBeginOnTheGrid(time: Int64, start: Int64) {
        let batch = EnvelopeBatch.test(["s"], type: Self.type, collected: time)
        let slot = SampleSlot(of: batch.entries[0], in: batch, length: .seconds(60))
        #expect(slot.start == start)
        let mark = SlotMark(slot: slot, lane: .test(Self.type), position: .at(1))
        #expect(SlotOwners.oldest(before: mark) <= max(start, .min + 7200) - 7200)
    }

    @Test func oneThatWasRefusedBeforeItWasSentLeavesItsSlotToTheNext() throws {
        var fixture = fixture()
        fixture.add(Self.sample(1))
        fixture.add(Self.sample(2, at: 1))
        let local = ReportOutcome.Failure(
            count: 1, error: ReportError(code: .refused, message: "no metric", isLocal: true))
        try fixture.call(at: .zero, local)
        #expect(try fixture.call(at: .zero) == ["s2"])
        #expect(fixture.counts(Self.type)?.skipped == ["refused": 1])
    }

    // MARK: other rules

    @Test func whatIsCollectedInTheFutureIsSkipped() throws {
        var fixture = Fixture {
            $0.longestAhead = .seconds(60)
            $0.timeToLive = .seconds(600)
        }
        let now = Fixture.start.seconds
        for (index, time) in [now * 1000, now + 70, now - 610, now + 50, now - 590, now + 70].enumerated() {
            fixture.add(.test(["e\(index)"], first: UInt64(index + 1), collected: time))
        }
        #expect(try fixture.call(at: .seconds(1)) == ["e3", "e4"])
        #expect(fixture.send(at: .seconds(3)) == "wait")
        #expect(fixture.counts()?.skipped == ["future": 3, "stale": 1])
        let reason = fixture.state.takeNews()?.skipped[.init(type: .trainingLog, name: "future")]?.reason
        #expect(reason?.contains("is it in seconds") == true)
    }

    @Test func aPoisonedTypeIsHeldAtOnceAndAJoinedReportIsNotTriedAgain() throws {
        var fixture = Fixture()
        fixture.add(.test(["a", "b", "c"]))
        let (call, _) = fixture.next(at: .seconds(1))
        let poisoned = ReportOutcome.Failure(
            count: 2, error: ReportError(code: .refused, message: "poison", rule: .poisoned))
        let effect = fixture.complete(try #require(call), accepted: 0, poisoned, at: .seconds(1))
        #expect(effect.poisoned && effect.heldFor == .seconds(30))
        #expect(fixture.state.deadLetters[.test()]?.map(\.batch.contents) == [["a"], ["b"]])
        #expect(fixture.counts()?.skipped == ["poisoned": 2])
        #expect(fixture.send(at: .seconds(2)) == "wait until 31.0 seconds")
        #expect(try fixture.call(at: .seconds(32)) == ["c"])
    }

    @Test func whatWasNeverSentDoesNotHoldItsType() throws {
        var fixture = Fixture { $0.typeBreakerRefusals = 2 }
        fixture.add(.test(["a", "b", "c", "d"]))
        let local = ReportOutcome.Failure(
            count: 1, error: ReportError(code: .refused, message: "no metric", isLocal: true))
        for _ in 0..<3 { try fixture.call(at: .seconds(1), local) }
        #expect(try fixture.call(at: .seconds(1)) == ["d"])
        #expect(fixture.counts()?.skipped == ["refused": 3])
    }

    @Test func changesAreCountedBesideTheFates() throws {
        var fixture = Fixture()
        fixture.add(.test(["a", "b"]))
        let (call, _) = fixture.next(at: .seconds(1))
        _ = fixture.state.complete(
            try #require(call), ReportOutcome(accepted: 2, changed: ["line-cut": 1]), now: Fixture.time(.seconds(1)))
        #expect(fixture.counts()?.changed == ["line-cut": 1])
        #expect(fixture.counts()?.total == 2)
        _ = fixture.send(at: .seconds(1))
        let account = fixture.state.accounts(consumer: "c", now: Fixture.time(.seconds(2)))[.test]
        #expect(account?.lanes.first?.changed == ["line-cut": 1])
    }
}
