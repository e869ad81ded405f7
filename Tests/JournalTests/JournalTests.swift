import Diagnosis
import Testing
import TestSupport

@testable import Journal

@Suite(.timeLimit(.minutes(1))) struct JournalTests {
    let directory = ScratchFolder()

    private func open(_ configuration: JournalConfiguration = small()) throws -> Journal {
        try Journal.open(directory: directory.path, configuration: configuration)
    }

    @Test func givesBackWhatItWasGivenLaneByLaneInOrder() throws {
        let journal = try open()
        let records = [record("A", 1), record("B.x_-", 1, count: 3), record("A", 2, source: position("log", 1))]
        try journal.append(records)
        try journal.append([record("A", 3, size: 0), record("A", 2, 1, size: 100_000)])
        #expect(
            try journal.records("A") == [
                records[0], records[2], record("A", 3, size: 0), record("A", 2, 1, size: 100_000),
            ])
        #expect(try journal.records("B.x_-") == [records[1]])
        #expect(try journal.reader(lane: "C").next() == nil)
        #expect(try journal.verify().isEmpty)
    }

    @Test func isThereAgainAfterReopening() throws {
        let records = (1...300).map {
            record("A", UInt64($0), count: 1, size: $0, source: position("k\($0 % 3)", UInt8($0 % 250)))
        }
        do {
            let journal = try open()
            for start in stride(from: 0, to: 300, by: 3) { try journal.append(Array(records[start..<start + 3])) }
        }
        let journal = try open()
        #expect(journal.recovery.isClean)
        #expect(try journal.records() == records)
        #expect(journal.lastPosition(of: "k0") == [50])
        #expect(journal.lastPosition(of: "k1") == [48])
        #expect(journal.lastPosition(of: "none") == nil)
        #expect(directory.files(ending: ".seg").count > 5)
        try journal.append([record("A", 301)])
        #expect(try journal.records(after: point(1, 300)) == [record("A", 301)])
    }

    @Test func describesItsLanes() throws {
        let journal = try open()
        try journal.append([
            record("A", 5, 3, count: 4, time: 70), record("A", 6, 1, count: 2, time: 60), record("B", 1),
        ])
        let lane = try #require(journal.lane("A"))
        #expect(lane.first == point(5, 3) && lane.last == point(6, 2) && lane.newest == point(6, 2))
        #expect(lane.count == 6 && lane.records == 2 && lane.segments == 1)
        #expect(lane.times == 60...70)
        #expect(journal.lanes.map(\.name) == ["A", "B"])
        #expect(journal.bytes == journal.lanes.reduce(0) { $0 + $1.bytes })
        #expect(journal.bytes == (try directory.files(ending: ".seg").reduce(0) { try $0 + directory.bytes($1).count }))
    }

    @Test(arguments: ["", ".", "..", "a/b", "ä", String(repeating: "x", count: 65)])
    func refusesALaneThatIsNoName(lane: String) throws {
        let journal = try open()
        let error = try #require(throws: JournalError.self) { try journal.append([record("B", 1), record(lane, 1)]) }
        #expect(error.code == .invalid && !error.isRetriable)
        #expect(journal.lanes.isEmpty)
    }

    @Test func refusesWhatDoesNotComeAfterTheLast() throws {
        let journal = try open()
        try journal.append([record("A", 2, 5, count: 3)])
        for bad in [record("A", 2, 7), record("A", 1, 9), record("A", 3, 0), record("A", 2, .max, count: 2)] {
            #expect(throws: JournalError.self) { try journal.append([bad]) }
        }
        #expect(throws: JournalError.self) { try journal.append([record("A", 2, 8), record("A", 2, 8)]) }
        try journal.append([record("A", 2, 10), record("A", 3, 1)])
        #expect(try journal.gaps() == [JournalGap(after: point(2, 7), through: point(2, 9), reason: .absent)])
    }

    @Test func boundsTheNumberOfLanes() throws {
        var configuration = small()
        configuration.maximumLanes = 2
        let journal = try open(configuration)
        try journal.append([record("A", 1), record("B", 1)])
        #expect(throws: JournalError.self) { try journal.append([record("C", 1)]) }
        try journal.append([record("A", 2)])
    }

    @Test func findsByPointTimeAndCount() throws {
        let journal = try open(small(segment: 2000))
        // 40 records of 3 sequences each; record n was collected at 10 n.
        for n in 1...40 { try journal.append([record("A", 1, UInt64(n * 3 - 2), count: 3, time: Int64(n * 10))]) }
        for n in [1, 2, 20, 39, 40] {
            let start = try journal.position(lane: "A", since: Int64(n * 10 - 5))
            #expect(try journal.records(after: start).first?.earliest == Int64(n * 10))
        }
        #expect(try journal.position(lane: "A", since: 500) == point(1, 120))
        #expect(try journal.position(lane: "A", since: 0) == nil)
        for last in [0, 1, 2, 3, 4, 60, 119] as [UInt64] {
            #expect(try journal.position(lane: "A", last: last) == point(1, 120 - last))
        }
        #expect(try journal.position(lane: "A", last: 120) == nil)
        for sequence in [1, 2, 3, 4, 60, 119, 120] as [UInt64] {
            #expect(try journal.count(lane: "A", after: point(1, sequence)).count == 120 - sequence)
            #expect(
                try journal.records(after: point(1, sequence)).first.map { $0.last.sequence > sequence }
                    ?? (sequence == 120))
        }
        let all = try journal.count(lane: "A")
        #expect(all == JournalCount(count: 120, records: 40, bytes: 40 * 172))
    }

    @Test func looksWithoutTouching() throws {
        let journal = try open()
        for n in 1...5 { try journal.append([record("A", UInt64(n))]) }
        let file = try #require(directory.files(ending: ".seg").first)
        try directory.write(directory.bytes(file) + [1, 2, 3], to: file)
        let before = try directory.bytes(file)
        var configuration = small()
        configuration.isReadOnly = true
        let second = try open(configuration)
        #expect(try second.records().count == 5)
        #expect(try directory.bytes(file) == before)
        let error = try #require(throws: JournalError.self) { try second.append([record("A", 6)]) }
        #expect(error.code == .readOnly)
    }

    @Test func leavesOtherFilesAlone() throws {
        try open().append([record("A", 1)])
        for name in ["publisher.lock", "A/notes.txt", "A/00000000000000000001.seg.bak"] {
            try directory.write([1], to: directory.path + "/" + name)
        }
        #expect(try open().recovery.isClean)
        #expect(try directory.bytes(directory.path + "/A/notes.txt") == [1])
    }
}
