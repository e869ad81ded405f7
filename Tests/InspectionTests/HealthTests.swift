import Delivery
import Diagnosis
import SystemSupport
import TestSupport
import Testing
import ZMQBridge

@testable import Inspection

@Suite(.timeLimit(.minutes(1))) struct HealthTests {
    private let folder = ScratchFolder()

    /// The problems of a publisher with one consumer.
    private func problems(
        heard: Int64 = -2, state: [String: String] = ["started_at": "2026-11-23T17:00:00Z"], pending: UInt64 = 0,
        journal: String? = nil, holder: ConsumerHolder? = nil, part: Health.Part = .all
    ) -> [String] {
        var status = Samples.status()
        status.journal.problem = journal
        let lanes = [(nil, Samples.standing(.generic, produced: 5, pending: pending))] as [(ConsumerAccount.Lane?, _)]
        status.consumers = [Samples.consumer("file:///a", heard: heard, state: state, lanes: lanes)]
        return Health(status, holders: holder.map { [$0.consumer: $0] } ?? [:], part: part).problems
    }

    private func held(by process: String?) -> ConsumerHolder { ConsumerHolder(consumer: "file:///a", process: process) }

    @Test func whatIsHeardIsHealthy() {
        #expect(problems(pending: 3, holder: held(by: "pid 1")) == [])
        #expect(problems(holder: held(by: "pid 1"), part: .bridge) == [])
        #expect(problems(part: .collect) == [])
    }

    @Test func aSilentBridgeIsAProblemForAllButCollect() {
        let sentence = "file:///a was last heard 35 s ago: what reports to it, pid 1, hangs or has ended"
        #expect(problems(heard: -35, holder: held(by: "pid 1")) == [sentence])
        #expect(problems(heard: -35, holder: held(by: "pid 1"), part: .bridge) == [sentence])
        #expect(problems(heard: -35, holder: held(by: "pid 1"), part: .collect) == [])
        // Its files are elsewhere: then only the publisher knows.
        #expect(problems(heard: -35) == ["file:///a was last heard 35 s ago: what reports to it hangs or has ended"])
    }

    @Test func anotherProgramMayBeSilentWhileNothingWaitsForIt() {
        #expect(problems(heard: -3500, state: [:]) == [])
        #expect(problems(heard: -3500, state: [:], pending: 1).count == 1)
    }

    @Test func aConsumerThatNobodyReportsForIsAProblem() {
        #expect(
            problems(holder: held(by: nil)) == [
                "no process reports to file:///a: start its arobust bridge, or make the publisher forget it"
            ])
        #expect(
            problems(holder: held(by: nil), part: .bridge) == [
                "no process reports from here; start arobust bridge, or arobust agent"
            ])
    }

    @Test func aBridgeAnswersForItsOwnConsumersOnly() {
        let other = ConsumerHolder(consumer: "file:///b", process: "pid 1")
        #expect(problems(heard: -35, holder: other, part: .bridge) == [])
    }

    @Test func aJournalThatCanNotBeWrittenIsAProblemOfThePublisher() {
        #expect(problems(journal: "no space", part: .collect) == ["the journal can't be written: no space"])
        #expect(problems(journal: "no space", holder: held(by: "pid 1"), part: .bridge) == [])
    }

    @Test(arguments: [
        (["stopped": "it belongs to another job"], "nothing more is sent to file:///a: it belongs to another job"),
        (["storage": "failing"], "the ledger of file:///a can't be written; free space on the disk of its directory"),
        (
            ["storage": "failing", "storage_problem": "/c/a.db was removed"],
            "the ledger of file:///a can't be written: /c/a.db was removed"
        ),
    ])
    func whatABridgeSaysOfItselfCounts(state: [String: String], sentence: String) {
        #expect(problems(state: state, holder: held(by: "pid 1")) == [sentence])
    }

    @Test func whatThePublisherSaysOfItselfCounts() {
        var status = Samples.status()
        status.faults = ["/s/ingest.sock was removed", "the publisher's ledger can't be saved: disk full"]
        for part in [Health.Part.all, .collect] {
            #expect(Health(status, holders: [:], part: part).problems == status.faults)
        }
        let holders = ["file:///a": held(by: "pid 1")]
        #expect(Health(status, holders: holders, part: .bridge).problems == [])
    }

    @Test func theJournalsProblemAndTheConsumersAreAllTold() {
        #expect(problems(heard: -35, journal: "no space").count == 2)
    }

    @Test func withoutAPublisherNothingIsHealthy() async throws {
        let scratch = try ScratchJournal(in: folder)
        scratch.close()
        let directory = try StateDirectory(path: scratch.path)
        for part in [Health.Part.all, .collect] {
            let health = await Health(of: directory, consumers: folder.file("none"), part: part)
            #expect(
                health.problems == ["no publisher runs on \(scratch.path); start arobust agent, or arobust collect"])
        }
        let bridge = await Health(of: directory, consumers: folder.file("none"), part: .bridge)
        #expect(bridge.problems == ["no process reports from here; start arobust bridge, or arobust agent"])
    }

    @Test func lookingMakesNoFiles() async throws {
        let path = folder.file("empty")
        let directory = try StateDirectory(path: path)
        #expect(await !Health(of: directory, consumers: path + "/consumers", part: .all).problems.isEmpty)
        #expect((try? Directory(path: path).names()) ?? [] == [])
    }

    @Test func aPublisherThatHoldsTheLockAndDoesNotAnswerIsAProblem() async throws {
        let scratch = try ScratchJournal(in: folder)
        scratch.close()
        guard case .taken(let lock) = try FileLock.tryTake(scratch.path + "/publisher.lock") else {
            throw CancellationError()
        }
        lock.write(note: "pid 71 on worker-0\n")
        let health = await Health(
            of: try StateDirectory(path: scratch.path), consumers: folder.file("none"), part: .all,
            patience: .milliseconds(50))
        let sentence = "the publisher of \(scratch.path), pid 71 on worker-0, does not answer: "
        #expect(health.problems == [sentence + "its socket \(scratch.path)/replay.sock is gone; start it again"])
        withExtendedLifetime(lock) {}
    }
}
