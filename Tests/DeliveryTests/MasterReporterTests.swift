import Diagnosis
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Delivery

@Suite(.timeLimit(.minutes(1))) struct MasterReporterTests {
    private func reporter(
        _ master: FakeMaster, store: any LedgerStorage = MemoryStorage(),
        log: LogCapture = LogCapture(),
        _ change: (inout DeliveryPolicy) -> Void = { _ in }
    ) -> MasterReporter {
        var policy = DeliveryPolicy()
        policy.batchTime = .zero
        policy.backoff.min = .milliseconds(1)
        policy.backoff.max = .milliseconds(2)
        change(&policy)
        return MasterReporter(
            store: store, client: master, policy: policy, logger: log.logger, time: { .now })
    }

    private func lane(_ reporter: MasterReporter) -> ConsumerAccount.Lane? {
        reporter.accounts[.test]?.lanes.first
    }

    @Test func deliversAllInOrderAndEnds() async {
        let master = FakeMaster()
        let store = MemoryStorage()
        let reporter = reporter(master, store: store)
        for index in 0..<1000 { _ = reporter.receive([.batch(.test(["\(index)"], first: UInt64(index + 1)))]) }
        reporter.finish()
        await reporter.run()
        #expect(master.contents == (0..<1000).map { "\($0)" })
        #expect(master.isClosed && store.isClosed)
        #expect(lane(reporter)?.delivered == 1000 && lane(reporter)?.through == .at(1000))
        #expect(store.lanes[.test()]?.cursor == .at(1000))
    }

    @Test func goesOnWhereTheLastRunEnded() async throws {
        let scratch = ScratchFolder()
        func open() throws -> ConsumerStore {
            try ConsumerStore(directory: scratch.path, consumer: "m", logger: Logger(label: "test"))
        }
        let first = FakeMaster { contents in contents.contains("c") ? .unavailable : nil }
        let reporter1 = reporter(first, store: try open())
        #expect(reporter1.start(of: .test()) == .oldest)
        _ = reporter1.receive([
            .start(.test(), after: .at(0)), .batch(.test(["a", "b"])), .batch(.test(["x"], first: 3, rank: 1)),
        ])
        let running = Task { await reporter1.run() }
        try await eventually { first.contents.count == 3 }
        _ = reporter1.receive([.batch(.test(["c"], first: 4))])
        try await eventually { first.calls.count >= 3 }
        running.cancel()
        await running.value

        let second = FakeMaster()
        let reporter2 = reporter(second, store: try open())
        #expect(reporter2.start(of: .test()) == .after(.at(3)))
        _ = reporter2.receive([.batch(.test(["c", "d"], first: 4))])
        reporter2.finish()
        await reporter2.run()
        #expect(second.contents == ["c", "d"])
        #expect(lane(reporter2)?.delivered == 5)
    }

    @Test func keepsTryingAMasterThatComesLaterAndSaysSoOnce() async {
        let attempts = Mutex(0)
        let master = FakeMaster { _ in
            let attempt = attempts.withLock { attempts in
                attempts += 1
                return attempts
            }
            return attempt <= 5 ? .unavailable : nil
        }
        let log = LogCapture()
        let reporter = reporter(master, log: log)
        _ = reporter.receive([.batch(.test(["a", "b"]))])
        reporter.finish()
        await reporter.run()
        #expect(master.contents == ["a", "b"])
        #expect(log.count("cannot be reached") == 1)
        #expect(log.count("accepts reports again") == 1)
    }

    @Test func passesAnEnvelopeThatTheMasterRefusesAndNamesWhy() async {
        let master = FakeMaster { contents in contents.contains("bad") ? .refused(contents.count) : nil }
        let log = LogCapture()
        let store = MemoryStorage()
        let reporter = reporter(master, store: store, log: log)
        _ = reporter.receive([.batch(.test(["a", "bad", "c"]))])
        reporter.finish()
        await reporter.run()
        #expect(master.contents == ["a", "c"])
        #expect(lane(reporter)?.skipped == ["refused": 1])
        #expect(store.commits.flatMap { $0.deadLetters.values.joined() }.map(\.batch.contents) == [["bad"]])
        #expect(log.messages.contains("The master refused a joined report; its envelopes are sent one by one."))
        #expect(log.messages.contains("The master rejected a report permanently."))
    }

    @Test func holdsATypeThatIsRefusedAgainAndAgain() async {
        let master = FakeMaster { _ in .refused() }
        let log = LogCapture()
        let reporter = reporter(master, log: log)
        _ = reporter.receive([.batch(.test((1...20).map { "\($0)" }))])
        reporter.finish()
        await reporter.run()
        #expect(master.calls.count == 5)
        #expect(lane(reporter)?.skipped == ["refused": 5])
        #expect(reporter.accounts[.test]?.state["held_types"] == "TRAINING_LOG")
        #expect(log.messages.contains("Envelopes wait in the journal for the next start."))
        #expect(log.lines.contains { $0.hasPrefix("error ") && $0.contains("keeps refusing a data type") })
    }

    @Test func stopsForAMasterOfAnotherJobAndLosesNothing() async {
        let master = FakeMaster { _ in .wrongJob }
        let log = LogCapture()
        let reporter = reporter(master, log: log)
        _ = reporter.receive([.batch(.test(["a"]))])
        await reporter.run()
        _ = reporter.receive([.batch(.test(["b"], first: 2))])
        #expect(master.calls == [1])
        #expect(lane(reporter)?.through == .at(0) && lane(reporter)?.lost == [:])
        #expect(reporter.accounts[.test]?.state["stopped"] == "other job")
        #expect(log.messages.contains("The master belongs to another job; nothing more is sent to it."))
        #expect(reporter.room(in: .test()) == 0)
    }

    @Test func saysWhatIsLost() async {
        let log = LogCapture()
        let reporter = reporter(FakeMaster(), log: log)
        _ = reporter.receive([
            .start(.test(), after: .at(0)), .gap(.test(after: .at(0), through: .at(5), count: 5)),
            .batch(.test(["f"], first: 6)),
        ])
        reporter.finish()
        await reporter.run()
        #expect(lane(reporter)?.lost == ["evicted": 5] && lane(reporter)?.delivered == 1)
        let line = log.lines.first { $0.contains("Envelopes are lost:") }
        #expect(line?.contains(" reason=evicted") == true && line?.contains(" envelopes=5 ") == true)
    }

    @Test func aMasterThatHangsHoldsUpNoOtherAndKeepsToItsRoom() async throws {
        let (hanging, release) = AsyncStream<Void>.makeStream()
        let slow = FakeMaster { _ in
            for await _ in hanging {}
            return .init(count: 1, error: ReportError(code: .closed, message: "closed"))
        }
        let fast = FakeMaster()
        let log = LogCapture()
        let slowReporter = reporter(slow, log: log) { $0.queueBytes = 10_000 }
        let fastReporter = reporter(fast)
        let running = Task { await slowReporter.run() }
        var taken = 0
        for index in 0..<1000 {
            let batch = EnvelopeBatch.test(["content \(index)"], first: UInt64(index + 1))
            if slowReporter.room(in: batch.lane) > 0 {
                _ = slowReporter.receive([.batch(batch)])
                taken += 1
            }
            _ = fastReporter.receive([.batch(batch)])
        }
        fastReporter.finish()
        await fastReporter.run()
        #expect(fast.contents.count == 1000)
        #expect(taken < 20)
        try await eventually { lane(slowReporter) != nil }
        running.cancel()
        release.finish()
        await running.value
        #expect(lane(slowReporter)?.through == .at(0) && lane(slowReporter)?.delivered == 0)
        #expect(slowReporter.accounts[.test]?.state["stopped"] == nil)
        #expect(log.lines.contains { $0.hasSuffix(" pending=\(taken)") || $0.contains(" pending=\(taken) ") })
    }

    @Test func callsBackWhenThereIsRoomAndAfterCommits() async throws {
        let (hanging, release) = AsyncStream<Void>.makeStream()
        let master = FakeMaster { _ in
            for await _ in hanging {}
            return nil
        }
        let reporter = reporter(master) { $0.queueBytes = 1000 }
        let rooms = Mutex(0)
        let accounts = Mutex<[UInt64]>([])
        _ = reporter.receive([.batch(.test([String(repeating: "a", count: 2000)]))])
        #expect(reporter.room(in: .test()) == 0)
        let running = Task {
            await reporter.run(
                onRoom: { rooms.withLock { $0 += 1 } },
                onCommit: { all in accounts.withLock { $0.append(all[.test]?.lanes.first?.through.sequence ?? 0) } })
        }
        try await eventually { lane(reporter) != nil }
        #expect(rooms.withLock { $0 } == 0)
        release.finish()
        try await eventually { rooms.withLock { $0 } > 0 }
        for index in 2...100 { _ = reporter.receive([.batch(.test(["b"], first: UInt64(index)))]) }
        reporter.finish()
        await running.value
        #expect(accounts.withLock { $0.last } == 100)
        #expect(accounts.withLock { $0.count } < 10)
        #expect(rooms.withLock { $0 } == 1)
    }

    @Test func holdsWhatCannotBeStoredAndGoesOnWhenItCan() async throws {
        let master = FakeMaster()
        let store = MemoryStorage(lanes: [.test(): StoredLane(origin: .at(0), cursor: .at(0))])
        let log = LogCapture()
        let reporter = reporter(master, store: store, log: log) { $0.batchCount = 1 }
        store.fail(true)
        _ = reporter.receive([.batch(.test(["a", "b", "c"]))])
        let running = Task { await reporter.run() }
        try await eventually { store.attempts >= 5 }
        #expect(master.contents == ["a"])
        #expect(lane(reporter)?.delivered == 0)
        store.fail(false)
        reporter.finish()
        await running.value
        #expect(master.contents == ["a", "b", "c"])
        #expect(lane(reporter)?.delivered == 3)
        #expect(log.count("cannot be written") == 1)
        #expect(log.messages.contains("The ledger of a master can be written again."))
    }
}
