import Diagnosis
import SystemSupport
import TestSupport
import Testing

@testable import ConsoleStore

@Suite(.timeLimit(.minutes(5))) struct RetentionTests {
    private let scratch = ScratchFolder()

    /// More than the store may hold, faster than it drops: what is refused comes again, and nothing is lost or doubled on the way.
    @Test func aFullStoreDropsTheOldestAndGoesOn() async throws {
        var options = ConsoleStoreOptions()
        options.limitBytes = 2 << 20
        let store = try ConsoleStore(directory: scratch.file("store"), options: options)
        let text = (0..<100).map { "a line of a training number \($0) " + String(repeating: "x", count: 200) }
        for number in 1...200 {
            let batch = Batches.batch(from: UInt64(number), [(text + ["last \(number)"]).joined(separator: "\n")])
            while true {
                let outcome = await store.take([batch], from: .arobust)
                guard outcome.failure != nil else {
                    #expect(outcome.taken == 1 && outcome.duplicates == 0)
                    break
                }
                #expect(store.counters.problem != nil)
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        #expect(
            try await eventually { store.counters.storeBytes <= options.limitBytes && store.counters.problem == nil })
        let lane = try #require(try await store.delivery().nodes.first?.lanes.first)
        #expect(lane.received == 200 && lane.missing == 0)
        let lines = try await store.all(LogQuestion(), limit: 5000)
        #expect(lines.last?.text == "last 200" && Int64(lines.count) == store.change.lines)
        #expect(store.counters.dropped + UInt64(lines.count) == 200 * 101)
        let ids = lines.map(\.id)
        #expect(ids == Array(ids[0]...ids[ids.count - 1]))
        await store.close()
    }

    @Test func whatIsTooOldGoes() async throws {
        var options = ConsoleStoreOptions()
        options.age = .seconds(3600)
        let store = try ConsoleStore(directory: scratch.file("store"), options: options)
        let now = WallClock.seconds()
        _ = await store.take([Batches.batch(["old", "older"], time: now - 7200)], from: .arobust)
        _ = await store.take([Batches.batch(from: 3, ["new"], time: now)], from: .arobust)
        #expect(try await eventually { try await store.all(LogQuestion()).map(\.text) == ["new"] })
        #expect(store.counters.dropped == 2)
        var question = LogQuestion()
        question.query = "old"
        #expect(try await store.all(question).isEmpty)
        await store.close()
    }

    private func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<300 {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }
}
