import Diagnosis
import Glibc
import Synchronization
import Testing
import TestSupport

@testable import Journal

@Suite(.timeLimit(.minutes(1))) struct FaultTests {
    let directory = ScratchFolder()
    let system = FaultyFileSystem()

    private func open(_ configuration: JournalConfiguration = small()) throws -> Journal {
        try Journal.open(directory: directory.path, configuration: configuration, fileSystem: system)
    }

    @Test(arguments: [
        ("write", ENOSPC, JournalError.Code.full), ("write", EDQUOT, .full), ("write", EIO, .io),
        ("write", EROFS, .readOnly), ("create", ENOSPC, .full), ("create", EACCES, .readOnly),
        ("mkdir", EROFS, .readOnly),
        ("sync", EIO, .io),
    ])
    func aFailedAppendChangesNothingAndTheNextTriesAgain(call: String, code: CInt, expected: JournalError.Code) throws {
        let journal = try open(small(durability: .powerLoss))
        try journal.append([record("A", 1)])
        system.fail(call, code)
        let group = [record("A", 2, source: position("k", 1)), record("B", 1)]
        let error = try #require(throws: JournalError.self) { try journal.append(group) }
        #expect(error.code == expected && error.isRetriable)
        #expect(error.path.hasPrefix(directory.path))
        #expect(error.description.contains(String(cString: strerror(code))))
        #expect(try journal.records("A") == [record("A", 1)])
        #expect(try journal.records("B").isEmpty)
        #expect(journal.lastPosition(of: "k") == nil)
        try journal.append(group)
        #expect(try journal.records("A") == [record("A", 1), group[0]])
        let again = try open()
        #expect(try again.records("A") == [record("A", 1), group[0]])
        #expect(try again.records("B") == [group[1]])
        #expect(again.recovery.isClean)
    }

    @Test func aFullDiskIsCutBackAtAnyByte() throws {
        for room in stride(from: 0, to: 700, by: 13) {
            let directory = ScratchFolder()
            let journal = try Journal.open(directory: directory.path, configuration: small(), fileSystem: system)
            try journal.append([record("A", 1)])
            let lengths = try directory.files(ending: ".seg").map { try directory.bytes($0).count }
            system.faults.withLock { $0.room = room }
            let group = [record("A", 2), record("B", 1), record("A", 3), record("B", 2)]
            let error = try #require(throws: JournalError.self) { try journal.append(group) }
            #expect(error.code == .full)
            system.heal()
            #expect(try directory.files(ending: ".seg").map { try directory.bytes($0).count } == lengths)
            try journal.append(group)
            #expect(try journal.records("A").count == 3)
            #expect(try journal.records("B").count == 2)
        }
    }

    @Test func whatCannotBeCutBackIsLeftBehindAndDoesNotCount() throws {
        let group = (2...4).map { record("A", UInt64($0)) }
        do {
            let journal = try open()
            try journal.append([record("A", 1)])
            system.faults.withLock { $0.room = 400 }
            system.fail("truncate", EIO, times: 5)
            #expect(throws: JournalError.self) { try journal.append(group) }
            system.heal()
            #expect(try journal.records() == [record("A", 1)])
            try journal.append([record("A", 2, count: 7, size: 5)])
            #expect(directory.files(ending: ".seg").count == 2)
            #expect(try journal.verify().isEmpty)
        }
        let journal = try open()
        #expect(try journal.records() == [record("A", 1), record("A", 2, count: 7, size: 5)])
        #expect(journal.recovery.losses.isEmpty)
        #expect(journal.recovery.cuts.count == 1)
        #expect(try open().recovery.isClean)
    }

    @Test func aNewSegmentThatCannotBeRemovedDoesNotCount() throws {
        do {
            let journal = try open(small(segment: 300, durability: .powerLoss))
            try journal.append([record("A", 1)])
            system.fail("sync", EIO)
            system.fail("remove", EIO)
            system.fail("truncate", EIO)
            #expect(throws: JournalError.self) { try journal.append([record("A", 2)]) }
            system.heal()
            try journal.append([record("A", 2, size: 3)])
            try journal.append([record("A", 3, size: 3)])
        }
        let journal = try open()
        #expect(try journal.records() == [record("A", 1), record("A", 2, size: 3), record("A", 3, size: 3)])
        #expect(journal.recovery.losses.isEmpty)
        #expect(directory.files(ending: ".leftover").count == 1)
    }

    @Test func shortAndInterruptedCallsAreContinued() throws {
        system.faults.withLock { faults in
            faults.isShort = true
            faults.isInterrupted = true
        }
        let journal = try open(small(durability: .powerLoss))
        for n in 1...50 as ClosedRange<UInt64> { try journal.append([record("A", n), record("B", n, size: 1000)]) }
        #expect(try journal.records("A").count == 50)
        #expect(try open().records("B").count == 50)
    }

    @Test func evictionThatFailsRefusesTheAppend() throws {
        let journal = try open(small(segment: 2000, total: 10_000))
        var n: UInt64 = 0
        system.fail("remove", EROFS)
        let error = try #require(throws: JournalError.self) {
            while n < 100 {
                try journal.append([record("A", n + 1, size: 400)])
                n += 1
            }
        }
        #expect(error.code == .readOnly)
        #expect(journal.bytes <= 10_000)
        try journal.append([record("A", n + 1, size: 400)])
    }

    @Test func aReadThatFailsIsTriedAgain() throws {
        let journal = try open()
        try journal.append([record("A", 1)])
        let reader = journal.reader(lane: "A")
        system.fail("read", EIO)
        #expect(throws: JournalError.self) { try reader.next() }
        #expect(try reader.next() == .record(record("A", 1)))
    }

    @Test func powerLossSyncsEveryGroupAndProcessCrashNone() throws {
        let strict = try open(small(durability: .powerLoss))
        system.fail("sync", EIO)
        #expect(throws: JournalError.self) { try strict.append([record("A", 1)]) }
        let lax = try Journal.open(directory: directory.path + "/2", configuration: small(), fileSystem: system)
        system.fail("sync", EIO)
        try lax.append([record("A", 1)])
        #expect(throws: JournalError.self) { try lax.sync() }
        try lax.sync()
    }

    @Test func filesAreClosed() throws {
        do {
            let journal = try open(small(segment: 1000, total: 5000))
            let reader = journal.reader(lane: "A")
            for n in 1...200 as ClosedRange<UInt64> {
                try journal.append([record("A", n), record("B", n)])
                if n % 7 == 0 { _ = try reader.all() }
                #expect(system.faults.withLock { $0.openDescriptors } <= 3)
            }
        }
        #expect(system.faults.withLock { $0.openDescriptors } == 0)
    }

    @Test func aDirectoryThatCannotBeMadeIsAnError() throws {
        system.fail("mkdir", EACCES)
        let error = try #require(throws: JournalError.self) { try open() }
        #expect(error.code == .readOnly && error.path == directory.path)
    }
}
