import Diagnosis
import InMemoryLogging
import Logging
import Synchronization
import Testing

@testable import Agent

@Suite(.timeLimit(.minutes(1))) struct MasterReporterTests {
    private func reporter(
        _ master: FakeMaster, log: InMemoryLogHandler = InMemoryLogHandler(),
        _ change: (inout DeliveryPolicy) -> Void = { _ in }
    ) -> MasterReporter {
        var policy = DeliveryPolicy()
        policy.batchTime = .zero
        policy.backoff.min = .milliseconds(1)
        policy.backoff.max = .milliseconds(2)
        change(&policy)
        return MasterReporter(
            name: "fake", client: master, policy: policy, logger: Logger(label: "test") { _ in log })
    }

    private func messages(_ log: InMemoryLogHandler) -> [String] {
        log.entries.map { "\($0.message)" }
    }

    @Test func deliversAllInOrderAndEnds() async {
        let master = FakeMaster()
        let reporter = reporter(master)
        for index in 0..<1000 { reporter.offer([.test(["\(index)"], first: UInt64(index + 1))]) }
        reporter.finish()
        await reporter.run()
        #expect(master.contents == (0..<1000).map { "\($0)" })
        #expect(master.isClosed)
        #expect(reporter.counts.values.map(\.delivered) == [1000])
    }

    @Test func keepsTryingAMasterThatComesLaterAndSaysSoOnce() async {
        let attempts = Mutex(0)
        let master = FakeMaster { _ in
            attempts.withLock { $0 += 1 }
            guard attempts.withLock({ $0 }) <= 5 else { return nil }
            return .init(count: 1, error: ReportError(code: .unavailable, message: "away"))
        }
        let log = InMemoryLogHandler()
        let reporter = reporter(master, log: log)
        reporter.offer([.test(["a", "b"])])
        reporter.finish()
        await reporter.run()
        #expect(master.contents == ["a", "b"])
        #expect(messages(log).filter { $0.contains("cannot be reached") }.count == 1)
        #expect(messages(log).filter { $0.contains("accepts reports again") }.count == 1)
    }

    @Test func passesAnEnvelopeThatTheMasterRefusesAndNamesWhy() async {
        let master = FakeMaster { contents in
            guard contents.contains("bad") else { return nil }
            return .init(count: contents.count, error: ReportError(code: .refused, message: "it is bad"))
        }
        let log = InMemoryLogHandler()
        let reporter = reporter(master, log: log)
        reporter.offer([.test(["a", "bad", "c"])])
        reporter.finish()
        await reporter.run()
        #expect(master.contents == ["a", "c"])
        #expect(reporter.counts.values.map(\.refused) == [1])
        #expect(messages(log).contains { $0.contains("refused a report for good") })
    }

    @Test func stopsForAMasterOfAnotherJob() async {
        let master = FakeMaster { _ in .init(count: 1, error: ReportError(code: .wrongJob, message: "other job")) }
        let log = InMemoryLogHandler()
        let reporter = reporter(master, log: log)
        reporter.offer([.test(["a"])])
        await reporter.run()
        reporter.offer([.test(["b"], first: 2)])
        #expect(master.calls == [1])
        #expect(reporter.counts.values.map(\.lost) == [2])
        #expect(messages(log).contains { $0.contains("belongs to another job") })
    }

    @Test func aMasterThatHangsHoldsUpNoOther() async throws {
        let (hanging, release) = AsyncStream<Void>.makeStream()
        let slow = FakeMaster { _ in
            for await _ in hanging {}
            return .init(count: 1, error: ReportError(code: .closed, message: "closed"))
        }
        let fast = FakeMaster()
        let slowReporter = reporter(slow) { $0.queueBytes = 1000 }
        let fastReporter = reporter(fast)
        let running = Task { await slowReporter.run() }
        for index in 0..<1000 {
            let batch = EnvelopeBatch.test(["content \(index)"], first: UInt64(index + 1))
            slowReporter.offer([batch])
            fastReporter.offer([batch])
        }
        fastReporter.finish()
        await fastReporter.run()
        #expect(fast.contents.count == 1000)
        running.cancel()
        release.finish()
        await running.value
        let counts = try #require(slowReporter.counts.values.first)
        #expect(counts.lost == 1000 && counts.pending == 0)
    }
}
