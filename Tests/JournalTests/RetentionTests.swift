import Diagnosis
import Synchronization
import Testing
import TestSupport

@testable import Journal

@Suite(.timeLimit(.minutes(1))) struct RetentionTests {
    let directory = ScratchFolder()

    private func open(_ configuration: JournalConfiguration) throws -> Journal {
        try Journal.open(directory: directory.path, configuration: configuration)
    }

    @Test func staysWithinItsBytesAndSaysWhatWent() throws {
        let journal = try open(small(segment: 4000, total: 20_000))
        var lost: UInt64 = 0
        for n in 1...500 as ClosedRange<UInt64> {
            for loss in try journal.append([record("A", n, size: 400)]) {
                #expect(loss.reason == .evicted && loss.first == lost + 1 && loss.count == loss.last - lost)
                lost = loss.last
            }
            #expect(journal.bytes <= 20_000)
        }
        let lane = try #require(journal.lane("A"))
        #expect(lane.first == point(1, lost + 1) && lane.last == point(1, 500))
        #expect(
            try journal.gaps(after: point(1, 7)) == [
                JournalGap(after: point(1, 7), through: point(1, lost), reason: .evicted)
            ])
        #expect(try journal.gaps().isEmpty)
        #expect(try journal.records(after: point(1, 7)).count == Int(500 - lost))
        #expect(journal.takeLosses().isEmpty)
    }

    @Test func aFloodLeavesOtherLanesTheirShare() throws {
        let journal = try open(small(segment: 2000, total: 40_000))
        for n in 1...30 as ClosedRange<UInt64> { try journal.append([record("stacks", n, size: 400)]) }
        for n in 1...1000 as ClosedRange<UInt64> { try journal.append([record("logs", n, size: 400)]) }
        // 40 000 for two lanes: the stacks' 14 000 are less than their half.
        #expect(try journal.records("stacks").count == 30)
        #expect(journal.bytes <= 40_000)
        #expect((journal.lane("logs")?.bytes ?? 0) > 20_000)
    }

    @Test func aReserveCanBeLessThanTheShare() throws {
        var configuration = small(segment: 2000, total: 40_000)
        configuration.laneReserveBytes = 5000
        let journal = try open(configuration)
        for n in 1...30 as ClosedRange<UInt64> { try journal.append([record("stacks", n, size: 400)]) }
        for n in 1...1000 as ClosedRange<UInt64> { try journal.append([record("logs", n, size: 400)]) }
        let kept = journal.lane("stacks")?.bytes ?? 0
        #expect(kept <= 7000 && kept >= 3000)
    }

    @Test func deletesWhatNobodyNeedsBeforeWhatIsNeeded() throws {
        let journal = try open(small(segment: 2000, total: 20_000))
        for n in 1...20 as ClosedRange<UInt64> { try journal.append([record("A", n, size: 400)]) }
        for n in 1...10 as ClosedRange<UInt64> { try journal.append([record("B", n, size: 400)]) }
        journal.markFinished(lane: "B", through: point(1, 10))
        var losses: [JournalLoss] = []
        for n in 21...32 as ClosedRange<UInt64> { losses += try journal.append([record("A", n, size: 400)]) }
        #expect(!losses.isEmpty && losses.allSatisfy { $0.lane == "B" })
        #expect(try journal.records("A").count == 32)
    }

    @Test func deletesWhatIsTooOldAndKeepsThePositions() throws {
        final class Clock: Sendable { let seconds = Mutex<Int64>(1000) }
        let clock = Clock()
        var configuration = small()
        configuration.maximumAge = .seconds(100)
        configuration.now = { clock.seconds.withLock { $0 } }
        do {
            let journal = try open(configuration)
            try journal.append([record("A", 1, source: position("log", 7))])
            clock.seconds.withLock { $0 = 1090 }
            #expect(try journal.evict().isEmpty)
            try journal.append([record("B", 1)])
            clock.seconds.withLock { $0 = 1101 }
            #expect(try journal.evict().map(\.lane) == ["A"])
            #expect(try journal.records("A").isEmpty)
            #expect(journal.lane("A")?.first == nil && journal.lane("A")?.newest == point(1, 1))
        }
        let journal = try open(configuration)
        #expect(journal.lastPosition(of: "log") == [7])
        #expect(journal.lane("A")?.newest == point(1, 1))
        #expect(throws: JournalError.self) { try journal.append([record("A", 1)]) }
        #expect(
            try journal.gaps("A", after: point(1, 0)) == [
                JournalGap(after: point(1, 0), through: point(1, 1), reason: .evicted)
            ])
        try journal.append([record("A", 2)])
        #expect(try journal.records("A", after: point(1, 1)) == [record("A", 2)])
    }

    @Test func positionsSurviveEvictionAndTheNewestWins() throws {
        do {
            let journal = try open(small(segment: 2000, total: 10_000))
            try journal.append([record("A", 1, source: position("old", 1))])
            try journal.append([record("A", 2, source: position("both", 1))])
            try journal.append([record("B", 1, source: position("both", 2))])
            for n in 3...200 as ClosedRange<UInt64> { try journal.append([record("A", n, size: 300)]) }
            #expect(journal.lane("A")?.first.map { $0 > point(1, 2) } == true)
        }
        let journal = try open(small())
        #expect(journal.lastPosition(of: "old") == [1])
        #expect(journal.lastPosition(of: "both") == [2])
    }

    @Test func ofTwoPositionsInOneGroupTheLaterWins() throws {
        let group = [
            record("A", 1), record("B", 1, source: position("k", 1)), record("A", 2, source: position("k", 2)),
        ]
        try open(small()).append(group)
        let journal = try open(small())
        #expect(journal.lastPosition(of: "k") == [2])
        try journal.append([record("B", 2, source: position("k", 3)), record("A", 3)])
        #expect(journal.lastPosition(of: "k") == [3])
        #expect(try open(small()).lastPosition(of: "k") == [3])
    }

    @Test func aGroupThatIsLargerThanASegmentIsTaken() throws {
        let journal = try open(small(segment: 1000, total: 50_000))
        try journal.append((1...10).map { record("A", UInt64($0), size: 500) })
        try journal.append([record("A", 11, size: 10_000)])
        #expect(try journal.records().count == 11)
        #expect(directory.files(ending: ".seg").count == 2)
    }
}
