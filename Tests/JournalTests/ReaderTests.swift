import Diagnosis
import Dispatch
import Synchronization
import Testing
import TestSupport

@testable import Journal

@Suite(.timeLimit(.minutes(1))) struct ReaderTests {
    let directory = ScratchFolder()

    @Test func followsTheWriter() throws {
        let journal = try Journal.open(directory: directory.path, configuration: small(segment: 1000))
        let reader = journal.reader(lane: "A")
        #expect(try reader.next() == nil)
        for n in 1...50 as ClosedRange<UInt64> {
            try journal.append([record("A", n), record("B", n)])
            if n % 3 == 0 { reader.rest() }
            #expect(try reader.next() == .record(record("A", n)))
            #expect(try reader.next() == nil)
        }
        #expect(reader.position == point(1, 50))
    }

    @Test func beginsWithinARecord() throws {
        let journal = try Journal.open(directory: directory.path, configuration: small())
        try journal.append([record("A", 1, count: 5), record("A", 6, count: 5)])
        #expect(try journal.records(after: point(1, 3)).map(\.firstSequence) == [1, 6])
        #expect(try journal.records(after: point(1, 5)).map(\.firstSequence) == [6])
        #expect(try journal.records(after: point(1, 10)).isEmpty)
        #expect(try journal.records(after: point(7, 10)).isEmpty)
    }

    @Test func aNewEpochThatBeginsWithOneIsNoGap() throws {
        let journal = try Journal.open(directory: directory.path, configuration: small())
        try journal.append([record("A", 1, 1), record("A", 2, 1), record("A", 3, 4)])
        #expect(try journal.gaps() == [JournalGap(after: point(2, 1), through: point(3, 3), reason: .absent)])
    }

    @Test func saysWhatWasEvictedUnderIt() throws {
        let journal = try Journal.open(directory: directory.path, configuration: small(segment: 1000, total: 5000))
        let reader = journal.reader(lane: "A")
        try journal.append([record("A", 1)])
        #expect(try reader.next() == .record(record("A", 1)))
        for n in 2...100 as ClosedRange<UInt64> { try journal.append([record("A", n)]) }
        var expected: UInt64 = 2
        var gaps = 0
        while let item = try reader.next() {
            switch item {
            case .record(let record):
                #expect(record.firstSequence == expected)
                expected = record.last.sequence + 1
            case .gap(let gap):
                #expect(gap.reason == .evicted && gap.after.sequence == expected - 1)
                expected = gap.through.sequence + 1
                gaps += 1
            }
        }
        #expect(expected == 101 && gaps == 1)
    }

    @Test func manyReadersBesideTheWriterSeeWholeRecordsOrGaps() throws {
        let journal = try Journal.open(directory: directory.path, configuration: small(segment: 8000, total: 100_000))
        let last: UInt64 = 6000
        let evicted = Mutex<UInt64>(0)
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { index in
            do {
                if index == 0 {
                    for n in 1...last {
                        let size = Int(n * 37 % 900)
                        for loss in try journal.append([record("A", n, size: size), record("B", n, size: size)]) {
                            evicted.withLock { $0 += loss.count }
                        }
                    }
                    return
                }
                let reader = journal.reader(lane: index == 1 ? "A" : "B", after: point(1, 0))
                var expected: UInt64 = 1
                while expected <= last {
                    switch try reader.next() {
                    case .record(let found):
                        let wanted = record(reader.lane, expected, size: Int(expected * 37 % 900))
                        if found != wanted { failures.withLock { $0.append("\(expected): \(found.first)") } }
                        expected = found.last.sequence + 1
                    case .gap(let gap):
                        if gap.reason != .evicted || gap.after.sequence != expected - 1 {
                            failures.withLock { $0.append("\(expected): \(gap)") }
                        }
                        expected = gap.through.sequence + 1
                    case nil: continue
                    }
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
                _ = try? journal.append([record("A", 2, 1), record("B", 2, 1)])
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(evicted.withLock { $0 } > 0)
        #expect(try journal.verify().isEmpty)
    }
}
