import Diagnosis
import Foundation
import Glibc
import TestSupport
import SQLite
import Testing

@testable import Delivery

@Suite(.timeLimit(.minutes(1))) struct ConsumerStoreTests {
    private let scratch = ScratchFolder()
    private let log = LogCapture()

    /// Not there before the first store is opened.
    private var directory: String { scratch.file("consumers") }
    private var files: [String] { (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] }

    private func open(
        _ consumer: String = "dlrover+grpc://host:1", in other: String? = nil,
        bounds: ConsumerStore.Bounds = .init()
    ) throws -> ConsumerStore {
        try ConsumerStore(directory: other ?? directory, consumer: consumer, bounds: bounds, logger: log.logger)
    }

    private let stored: StoredLane = {
        var stored = StoredLane(
            origin: .at(3), cursor: .at(9, epoch: 4),
            ahead: [SequenceRange(epoch: 4, first: 11, last: 12), SequenceRange(epoch: 5, first: 2, last: 2)])
        stored.counts.delivered = 20
        stored.counts.skipped = ["stale": 3, "refused": 1]
        stored.counts.lost = ["evicted": 7]
        stored.counts.changed = ["slimmed": 4]
        return stored
    }()

    private func commit(
        _ lane: StoredLane, before: StoredLane? = nil, ranges: [LedgerRange] = [], letters: [DeadLetter] = []
    ) -> LedgerCommit {
        var commit = LedgerCommit()
        commit.lanes[.test()] = LaneCommit(lane: lane, before: before, newRanges: ranges)
        if !letters.isEmpty { commit.deadLetters[.test()] = letters }
        return commit
    }

    private func range(_ first: UInt64, _ last: UInt64, _ fate: Fate = .stale) -> LedgerRange {
        LedgerRange(first: .at(first), last: .at(last), count: last - first + 1, fate: fate, time: 60)
    }

    private func rows(_ path: String, _ sql: String) throws -> [String] {
        try SQLiteDatabase(path: path, busyTime: 0).rows(sql).map { row in
            row.values.map { value in
                switch value {
                case .integer(let number): "\(number)"
                case .text(let text): text
                case .other: "?"
                }
            }.joined(separator: "|")
        }
    }

    private func execute(_ script: String, in path: String) throws {
        let database = try SQLiteDatabase(path: path, busyTime: 0)
        defer { database.close() }
        try database.run(script: script)
    }

    @Test func keepsWhatWasWritten() async throws {
        let store = try open()
        #expect(store.lanes.isEmpty)
        #expect(await store.write(commit(stored)).failed.isEmpty)
        await store.close()
        #expect(await store.write(commit(stored)).failed == [.test()])
        let again = try open()
        #expect(again.lanes == [.test(): stored])
        await again.close()
    }

    @Test func keepsTheMarksOfSlots() async throws {
        let store = try open()
        var change = commit(stored)
        let marks = [SampleSlotTests.mark(1), SampleSlotTests.mark(2, at: 60), SampleSlotTests.mark(3, rank: -1)]
        change.lanes[.test()]?.slots = marks.map { .mark($0) } + [.withdraw(marks[1])]
        #expect(await store.write(change).failed.isEmpty)
        await store.close()
        let again = try open()
        #expect(Set(again.slots) == [marks[0], marks[2]])
        change.lanes[.test()]?.slots = [.mark(SampleSlotTests.mark(4, at: 7260))]
        _ = await again.write(change)
        await again.close()
        // What is older than anything that may be sent goes; another node's is its own.
        #expect(Set(try open().slots) == [SampleSlotTests.mark(4, at: 7260), marks[2]])
    }

    @Test func takesOverADatabaseOfTheFirstVersion() async throws {
        let store = try open()
        _ = await store.write(commit(stored))
        await store.close()
        _ = try rows(store.path, "SELECT 1")
        try execute("DROP TABLE slot; PRAGMA user_version = 1", in: store.path)
        let again = try open()
        #expect(again.lanes == [.test(): stored] && again.slots.isEmpty)
        await again.close()
        #expect(try rows(store.path, "PRAGMA user_version") == ["2"])
    }

    @Test func keepsWhatWasWrittenThroughAKill() async throws {
        let store = try open()
        var first = stored
        first.ahead = [SequenceRange(epoch: 4, first: 11, last: 11), SequenceRange(epoch: 4, first: 14, last: 15)]
        _ = await store.write(commit(first))
        _ = await store.write(commit(stored, before: first))
        // What a killed process leaves: the files as they are, the log of changes not merged.
        let copy = scratch.file("killed")
        try scratch.makeFolder("killed")
        for file in files {
            try FileManager.default.copyItem(atPath: "\(directory)/\(file)", toPath: "\(copy)/\(file)")
        }
        let again = try open(in: copy)
        #expect(again.lanes == [.test(): stored])
        await again.close()
        await store.close()
    }

    @Test func filesAreTheOwnersAlone() async throws {
        let store = try open()
        _ = await store.write(commit(stored))
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(try mode(directory) == 0o700)
        #expect(files.count >= 3)
        for file in files { #expect(try mode("\(directory)/\(file)") == 0o600) }
        #expect(store.path.contains("/dlrover_grpc___host_1-"))
        await store.close()
    }

    @Test func namesDifferAndAreBounded() {
        let long = String(repeating: "é/", count: 500)
        let names = ["a:b", "a/b", "a_b", long, long + "x"].map { ConsumerFiles(directory: "/d", consumer: $0).stem }
        #expect(Set(names).count == 5)
        #expect(names.allSatisfy { $0.utf8.count <= 69 })
        #expect(names[0].hasPrefix("a_b-"))
    }

    @Test func refusesASecondOpener() async throws {
        let store = try open()
        #expect {
            try open()
        } throws: { error in
            guard let error = error as? ConsumerStoreError else { return false }
            return error.code == .inUse && "\(error)".contains("dlrover+grpc://host:1")
                && "\(error)".contains(store.path) && "\(error)".contains("pid \(getpid())")
        }
        let other = try open("another")
        await store.close()
        let again = try open()
        await again.close()
        await other.close()
    }

    @Test(arguments: ["not a database at all, but long enough to be looked at", ""])
    func setsADamagedDatabaseAside(content: String) async throws {
        let store = try open()
        _ = await store.write(commit(stored))
        await store.close()
        if content.isEmpty {
            // The tables are not what they should be.
            try execute("DROP TABLE lane", in: store.path)
        } else {
            try Data((content + String(repeating: ".", count: 5000)).utf8).write(to: URL(filePath: store.path))
        }
        let again = try open()
        #expect(again.lanes.isEmpty)
        let aside = files.filter { $0.contains(".db.corrupt-") && !$0.hasSuffix("-wal") }
        #expect(aside.count == 1)
        #expect(log.count("set aside") == 1)
        _ = await again.write(commit(stored))
        await again.close()
        #expect(try open().lanes == [.test(): stored])
    }

    @Test func refusesADatabaseOfANewerVersion() async throws {
        let store = try open()
        await store.close()
        try execute("PRAGMA user_version = 7", in: store.path)
        #expect {
            try open()
        } throws: { error in
            (error as? ConsumerStoreError)?.code == .newerVersion && "\(error)".contains("version 7")
        }
        #expect(!files.contains { $0.contains("corrupt") })
    }

    @Test func saysWhereItCannotBeMade() throws {
        try scratch.write("", to: "consumers")
        #expect {
            try open()
        } throws: { ($0 as? ConsumerStoreError)?.code == .inputOutput && "\($0)".contains(directory) }
    }

    @Test func mergesNeighbouringRanges() async throws {
        let store = try open()
        _ = await store.write(commit(stored, ranges: [range(1, 3), range(4, 4), range(6, 7)]))
        _ = await store.write(
            commit(stored, before: stored, ranges: [range(8, 9), range(10, 10, .skipped("refused"))]))
        await store.close()
        #expect(
            try rows(store.path, "SELECT first, last, count, kind, reason, time FROM ranges ORDER BY first") == [
                "1|4|4|skipped|stale|1970-01-01T00:01:00Z", "6|9|4|skipped|stale|1970-01-01T00:01:00Z",
                "10|10|1|skipped|refused|1970-01-01T00:01:00Z",
            ])
    }

    @Test func joinsTheOldestRangesWhenTheyAreMany() async throws {
        var bounds = ConsumerStore.Bounds()
        bounds.ranges = 40
        var store = try open(bounds: bounds)
        for index in 0..<100 {
            let first = UInt64(index * 3 + 1)
            _ = await store.write(
                commit(
                    stored, before: stored,
                    ranges: [range(first, first), range(first + 1, first + 1, .skipped("refused"))]))
            if index == 50 {
                await store.close()
                store = try open(bounds: bounds)
            }
        }
        await store.close()
        #expect(try rows(store.path, "SELECT count(*) <= 40, sum(count) FROM ranges") == ["1|200"])
        #expect(
            try rows(store.path, "SELECT sum(count) FROM ranges GROUP BY reason") == ["100", "100"])
    }

    @Test func readsTheAccountsOfAllThatNobodyUses() async throws {
        let store = try open("b")
        _ = await store.write(commit(stored))
        await store.close()
        let used = try open("a")
        try Data("nonsense".utf8).write(to: URL(filePath: directory + "/z-00000000.db"))
        let readings = try ConsumerStore.readings(inDirectory: directory)
        #expect(readings.map(\.consumer) == ["a", "b", "z-00000000"])
        guard case .inUse(let process) = readings[0].content, case .accounts(let accounts) = readings[1].content,
            case .unreadable = readings[2].content
        else {
            Issue.record("\(readings)")
            return
        }
        #expect(process == "pid \(getpid())")
        let account = try #require(accounts[.test])
        #expect(account.consumer == "b")
        let lane = try #require(account.lanes.first)
        #expect(lane.origin == .at(3) && lane.through == .at(9, epoch: 4) && lane.ahead == 3)
        #expect(lane.delivered == 20 && lane.lost == ["evicted": 7] && lane.skipped == ["stale": 3, "refused": 1])
        await used.close()
    }

    @Test func aCommitThatFailsLeavesAllAsItWas() async throws {
        var bounds = ConsumerStore.Bounds()
        bounds.busyTime = 0.05
        let store = try open(bounds: bounds)
        _ = await store.write(commit(stored))
        var later = stored
        later.cursor.sequence += 1
        // Somebody looks at it with sqlite3, and keeps a transaction open.
        let somebody = try SQLiteDatabase(path: store.path, busyTime: 0)
        try somebody.run("BEGIN IMMEDIATE")
        let failed = await store.write(commit(later, before: stored, letters: [letter("x")]))
        #expect(failed.failed == [.test()] && failed.error != nil && failed.lettersWritten == [.test()])
        try somebody.run("ROLLBACK")
        somebody.close()
        #expect(await store.write(commit(later, before: stored)).failed.isEmpty)
        await store.close()
        #expect(try open().lanes == [.test(): later])
    }

    // MARK: dead letters

    private func letter(_ body: String, reason: String = "it said \"no\"\n") -> DeadLetter {
        DeadLetter(batch: .test([body], first: 7, epoch: 3), reason: reason, time: 3600)
    }

    private func write(_ store: ConsumerStore, _ letters: [DeadLetter]) async -> CommitResult {
        await store.write(commit(stored, letters: letters))
    }

    @Test func writesDeadLettersThatPeopleCanRead() async throws {
        let store = try open()
        let bodies = [
            #"{"data_content": "a\nb", "timestamp": 12345678901234567890}"#, "{\n \"a\": 1\r\n}", "not \"JSON\"", "[1]",
        ]
        #expect(await write(store, bodies.map { letter($0) }).lettersWritten == [.test()])
        await store.close()
        let lines = scratch.lines(store.deadLetterPath)
        let first =
            #"{"time":"1970-01-01T01:00:00Z","reason":"it said \"no\"\n","#
            + #""publisher":"00000000-0000-0001-0000-000000000002","data_type":"TRAINING_LOG","#
            + #""epoch":3,"sequence":7,"metric":{"data_content": "a\nb", "timestamp": 12345678901234567890}}"#
        #expect(lines.first == first)
        let metrics = lines.dropFirst().map { line in String(line.split(separator: #""metric":"#).last ?? "") }
        #expect(metrics == [#"{  "a": 1  }}"#, #""not \"JSON\""}"#, #""[1]"}"#])
    }

    @Test func cutsOffATornDeadLetter() async throws {
        var store = try open()
        _ = await write(store, [letter("a")])
        await store.close()
        let whole = try Data(contentsOf: URL(filePath: store.deadLetterPath))
        try (whole + Data(String(repeating: "torn", count: 40_000).utf8)).write(
            to: URL(filePath: store.deadLetterPath))
        store = try open()
        _ = await write(store, [letter("b")])
        await store.close()
        #expect(scratch.lines(store.deadLetterPath).map { $0.contains(#""metric":"a""#) } == [true, false])
    }

    @Test func deadLettersAreBounded() async throws {
        var bounds = ConsumerStore.Bounds()
        bounds.deadLetters = 1000
        let store = try open(bounds: bounds)
        for index in 0..<20 { _ = await write(store, [letter("body \(index)")]) }
        await store.close()
        let (now, before) = (scratch.lines(store.deadLetterPath), scratch.lines(store.deadLetterPath + ".1"))
        #expect(now.last?.contains("body 19") == true)
        #expect(!before.isEmpty && before.count + now.count < 20)
        #expect(before.joined(separator: "\n").utf8.count <= 1000)
    }

    @Test func whatHasNoLetterIsNotPassed() async throws {
        let store = try open()
        try FileManager.default.createDirectory(
            atPath: store.deadLetterPath, withIntermediateDirectories: false)
        var both = commit(stored, letters: [letter("a")])
        both.lanes[.test(.generic)] = LaneCommit(lane: stored, newRanges: [])
        let failed = await store.write(both)
        #expect(failed.failed == [.test()] && failed.lettersWritten.isEmpty)
        #expect(failed.error?.contains(store.deadLetterPath) == true)
        try FileManager.default.removeItem(atPath: store.deadLetterPath)
        #expect(await write(store, [letter("a")]).failed.isEmpty)
        await store.close()
        #expect(try open().lanes.count == 2)
    }
}

/// A store whose files are taken away while it is open.
@Suite(.timeLimit(.minutes(1))) struct LostConsumerStoreTests {
    private let scratch = ScratchFolder()

    private func open() throws -> ConsumerStore {
        try ConsumerStore(
            directory: scratch.file("consumers"), consumer: "file:///x", bounds: .init(), logger: LogCapture().logger)
    }

    private var commit: LedgerCommit {
        var commit = LedgerCommit()
        commit.lanes[.test()] = LaneCommit(
            lane: StoredLane(origin: .at(1), cursor: .at(2)), before: nil, newRanges: [])
        return commit
    }

    @Test func nothingIsWrittenToFilesThatNobodyFinds() async throws {
        let store = try open()
        try await store.checkPlace()
        #expect(await store.write(commit).failed.isEmpty)
        try FileManager.default.removeItem(atPath: scratch.file("consumers"))
        let result = await store.write(commit)
        #expect(result.failed == [.test()])
        let error = try #require(await #expect(throws: ConsumerStoreError.self) { try await store.checkPlace() })
        #expect(error.code == .moved)
        #expect(result.error == "\(error)")
        await store.close()
        try await store.checkPlace()
    }

    @Test func oneFileIsEnough() async throws {
        let store = try open()
        try FileManager.default.removeItem(atPath: store.path)
        let error = try #require(await #expect(throws: ConsumerStoreError.self) { try await store.checkPlace() })
        #expect(error.detail == store.path)
        await store.close()
    }

    @Test(arguments: ["/proc/none/c", "/dev/null/c"]) func aPlaceWhereNothingCanBeMadeIsNamed(directory: String) {
        #expect(ConsumerStore.obstacle(of: directory) != nil)
        #expect(throws: ConsumerStoreError.self) {
            _ = try ConsumerStore(directory: directory, consumer: "x", bounds: .init(), logger: LogCapture().logger)
        }
    }
}
