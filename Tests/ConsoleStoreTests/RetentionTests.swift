import ConsoleTestSupport
import Diagnosis
import SQLite
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

    /// Names, counts and positions of what is gone go too, a day after the last that the store kept of it; what is still heard stays.
    @Test func whatIsNoLongerHeardOfGoes() async throws {
        let directory = scratch.file("store")
        var store = try ConsoleStore(directory: directory)
        let page = "# TYPE steps_total counter\nsteps_total 7\n"
        let (now, longAgo) = (WallClock.seconds(), WallClock.seconds() - 9 * 86400)
        for (rank, time) in [(0, longAgo), (1, now)] {
            let publisher = PublisherID(high: 7, low: UInt64(rank))
            let origin = Batches.origin("/logs/\(rank)", localRank: 0, attempt: 1)
            let lines = Batches.batch(
                .trainingLog, ["step 1"], nodeRank: rank, publisher: publisher, origin: origin, time: time)
            let metrics = Batches.batch(.xpuTimerMetric, [page], nodeRank: rank, publisher: publisher, time: time)
            #expect(await store.take([lines, metrics], from: .arobust).taken == 2)
        }
        #expect(try await eventually { try await store.all(LogQuestion()).count == 1 })
        await store.close()
        let database = try SQLiteDatabase(path: directory + "/console.sqlite", busyTime: 1)
        #expect(try count("node", in: database) == 2 && count("lane", in: database) == 4)
        // When it was heard is a matter of the clock.
        for table in ["node", "lane"] {
            let isOld = table == "node" ? "rank = 0" : "node = (SELECT id FROM node WHERE rank = 0)"
            try database.run("UPDATE \(table) SET last_heard = \(longAgo * 1000) WHERE \(isOld)")
        }
        database.close()
        store = try ConsoleStore(directory: directory)
        #expect(try await eventually { try await store.delivery().nodes.map(\.nodeRank) == [1] })
        // It is taken as a new node if it comes back.
        let again = Batches.batch(.trainingLog, from: 9, ["back"], publisher: PublisherID(high: 7, low: 0))
        let outcome = await store.take([again], from: .arobust)
        #expect(outcome.taken == 1 && outcome.missing == 0)
        await store.close()
        let reopened = try SQLiteDatabase(path: directory + "/console.sqlite", busyTime: 1)
        for (table, rows) in [("node", 2), ("lane", 3), ("stream", 2), ("series", 1), ("attempt", 1)] {
            #expect(try count(table, in: reopened) == Int64(rows), "\(table)")
        }
        reopened.close()
    }

    private func count(_ table: String, in database: SQLiteDatabase) throws -> Int64 {
        try database.rows("SELECT count(*) FROM \(table)").first?.integer(0) ?? -1
    }

    private func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<300 {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }
}
