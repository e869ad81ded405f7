import Diagnosis
import Foundation
import Testing
import TestSupport

@testable import Journal

/// Files cut short and bytes changed: never a crash, never a record that wasn't appended, nothing missing without a word.
@Suite(.timeLimit(.minutes(2))) struct DamageTests {
    /// Three segments of one lane with two epochs and positions; and what is in them.
    private func fill(_ directory: ScratchFolder) throws -> [JournalRecord] {
        let records = (1...24).map { n in
            record(
                "A", n <= 12 ? 1 : 2, UInt64(n <= 12 ? n : n - 12), count: 1, size: 300 + n,
                source: position("k", UInt8(n)))
        }
        let journal = try Journal.open(directory: directory.path, configuration: small(segment: 4096))
        for record in records { try journal.append([record]) }
        #expect(directory.files(ending: ".seg").count == 3)
        return records
    }

    /// Opens, and checks that what is there was appended and what is missing was reported.
    private func check(
        _ directory: ScratchFolder, _ records: [JournalRecord], _ what: String, isLast: Bool
    ) throws {
        let journal = try Journal.open(directory: directory.path, configuration: small(segment: 4096))
        let read = try journal.records()
        #expect(read.allSatisfy { records.contains($0) }, "\(what)")
        #expect(read.map(\.first) == read.map(\.first).sorted(), "\(what)")
        let losses = journal.recovery.losses + journal.takeLosses()
        for missing in records where !read.contains(missing) {
            let isReported = losses.contains {
                $0.epoch == missing.epoch && $0.first <= missing.firstSequence && missing.firstSequence <= $0.last
            }
            // The end of the last segment may be torn, and nobody can say what was there.
            let isTorn = isLast && missing.first > (read.last?.first ?? point(0, 0))
            #expect(isReported || isTorn, "\(what): \(missing.first) is missing; losses \(losses), \(journal.recovery)")
        }
        try journal.append([record("A", 9, 1)])
        #expect(try journal.records().last == record("A", 9, 1), "\(what)")
        #expect(try journal.verify().isEmpty, "\(what)")
        #expect(try Journal.open(directory: directory.path, configuration: small()).recovery.isClean, "\(what)")
    }

    @Test(arguments: 0..<3) func aSegmentCutShortAnywhere(index: Int) throws {
        let original = ScratchFolder()
        let records = try fill(original)
        let files = try original.files(ending: ".seg").map { ($0, try original.bytes($0)) }
        let step = index == 2 ? 61 : 512
        for length in stride(from: 0, to: files[index].1.count, by: step) {
            let directory = ScratchFolder()
            _ = try Journal.open(directory: directory.path).append([record("A", 1)])
            for (number, file) in files.enumerated() {
                let path = directory.path + file.0.dropFirst(original.path.count)
                try directory.write(number == index ? file.1.prefix(length) : file.1[...], to: path)
            }
            try check(directory, records, "segment \(index) cut at \(length)", isLast: index == 2)
        }
    }

    @Test func aByteChangedAnywhere() throws {
        let seed: UInt64 = 17
        var generator = SeededGenerator(seed: seed)
        let original = ScratchFolder()
        let records = try fill(original)
        let files = try original.files(ending: ".seg").map { ($0, try original.bytes($0)) }
        for round in 0..<300 {
            let index = Int.random(in: 0..<3, using: &generator)
            // Headers are rare among the bytes: look at them in half of the rounds.
            let range = round % 2 == 0 ? 0..<200 : 0..<files[index].1.count
            let offset = Int.random(in: range, using: &generator)
            let directory = ScratchFolder()
            _ = try Journal.open(directory: directory.path).append([record("A", 1)])
            for (number, file) in files.enumerated() {
                var bytes = file.1
                if number == index { bytes[offset] ^= UInt8.random(in: 1...255, using: &generator) }
                try directory.write(bytes, to: directory.path + file.0.dropFirst(original.path.count))
            }
            try check(directory, records, "seed \(seed): segment \(index) changed at \(offset)", isLast: index == 2)
        }
    }

    @Test func damageInTheMiddleIsSetAsideAndTheGapIsTold() throws {
        let directory = ScratchFolder()
        let records = try fill(directory)
        let files = directory.files(ending: ".seg")
        var bytes = try directory.bytes(files[1])
        bytes[2000] ^= 1
        try directory.write(bytes, to: files[1])
        // In a payload of an older segment: found when it is read.
        let journal = try Journal.open(directory: directory.path, configuration: small())
        #expect(journal.recovery.isClean)
        #expect(try journal.verify().map(\.path) == [files[1]])
        let gaps = try journal.gaps(after: records[0].last)
        #expect(!gaps.isEmpty && gaps.allSatisfy { $0.reason == .corrupt })
        let losses = try journal.append([record("A", 3, 1)])
        #expect(losses.map(\.reason) == [.corrupt, .corrupt])
        #expect(losses.map(\.epoch) == [1, 2])
        #expect(try directory.bytes(files[1] + ".corrupt") == bytes)
        #expect(try journal.verify().isEmpty)
        #expect(UInt64(records.count) - losses.reduce(0) { $0 + $1.count } + 1 == journal.lane("A")?.count)
        #expect(journal.lastPosition(of: "k") == [24])
    }

    @Test func aNewerVersionIsRefusedUntouched() throws {
        let directory = ScratchFolder()
        _ = try fill(directory)
        let files = directory.files(ending: ".seg")
        var bytes = try directory.bytes(files[1])
        bytes[11] = 2
        let checksum = bytes[..<16].withUnsafeBytes { CRC32C.of($0) }
        bytes.replace(at: 16, bigEndian: checksum)
        try directory.write(bytes, to: files[1])
        // A torn end elsewhere stays as it is too.
        try directory.write(directory.bytes(files[2]) + [1, 2, 3], to: files[2])
        let before = try files.map { try directory.bytes($0) }
        let error = try #require(throws: JournalError.self) { try Journal.open(directory: directory.path) }
        #expect(error.code == .newerVersion && error.path == files[1])
        #expect(error.description.contains("version 2"))
        #expect(try files.map { try directory.bytes($0) } == before)
        #expect(directory.files(ending: "").filter { $0.hasSuffix(".corrupt") }.isEmpty)
    }

    @Test func aTornEndIsCutAndReported() throws {
        let directory = ScratchFolder()
        let records = try fill(directory)
        let file = directory.files(ending: ".seg")[2]
        let bytes = try directory.bytes(file)
        try directory.write(bytes.dropLast(5), to: file)
        let journal = try Journal.open(directory: directory.path, configuration: small())
        #expect(journal.recovery.cuts.map(\.path) == [file])
        #expect(journal.recovery.setAside.isEmpty)
        #expect(try journal.records() == records.dropLast())
        #expect(journal.lastPosition(of: "k") == [23])
        try journal.append([records[23]])
        #expect(try Journal.open(directory: directory.path).records() == records)
    }

    /// Found by fuzzing: counting on from such a number ended the process.
    @Test(arguments: [UInt64.max, UInt64.max - 1, UInt64.max / 2 + 1] as [UInt64])
    func aNumberThatNoJournalReachesIsNoneOfOurs(number: UInt64)
        throws
    {
        let directory = ScratchFolder()
        let records = try fill(directory)
        let lane = directory.path + "/A/"
        try Data([1, 2, 3]).write(to: URL(filePath: lane + "\(number).seg"))
        var bytes = [UInt8](repeating: 0, count: 30)
        RecordHeader(record("A", 3, 1), number: number, writtenAt: 1).encode(
            payload: record("A", 3, 1).payload, into: &bytes)
        try Data(bytes).write(to: URL(filePath: lane + SegmentName.of(500)))
        let journal = try Journal.open(directory: directory.path, configuration: small(segment: 4096))
        #expect(try journal.records() == records)
        for n in 1...3 { try journal.append([record("A", 9, UInt64(n))]) }
        #expect(try journal.records().suffix(3).map(\.epoch) == [9, 9, 9])
        #expect(try Journal.open(directory: directory.path, configuration: small()).recovery.isClean)
    }

    /// Found by fuzzing: what a header says of the segment before is counted on from.
    @Test(
        arguments: [
            (1, 3, 3, true), (1, 3, 4, false), (0, 3, 1, false), (3, 2, 1, false), (1, UInt64.max, 1, false),
        ] as [(UInt64, UInt64, UInt64, Bool)])
    func aHeaderIsReadOnlyIfItsNumbersCanBeCountedOnFrom(first: UInt64, last: UInt64, count: UInt64, isHeader: Bool) {
        var header = SegmentHeader(number: 2, previous: nil, last: nil, lane: "A", sources: [:])
        header.previousRuns = [Segment.Run(epoch: 1, first: first, last: last, count: count)]
        #expect((header.encode().withUnsafeBytes { SegmentHeader($0) } != nil) == isHeader)
    }

    @Test func checksumIsTheOneEverybodyKnows() {
        func crc(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32C.of($0) } }
        #expect(crc(Array("123456789".utf8)) == 0xE306_9283)
        #expect(crc([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(crc([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(crc(Array(0..<32)) == 0x46DD_794E)
        #expect(crc([]) == 0)
    }

    @Test func theEndOfARecordTellsDamageFromAnUnfinishedWrite() {
        var head = Array("JREC".utf8) + [UInt8](repeating: 0, count: 68)
        head[15] = 100  // the payload's length
        head[17] = 8  // the key's
        func isDamaged(_ head: some Sequence<UInt8>, _ length: UInt64) -> Bool {
            Array(head).withUnsafeBytes { !RecordHeader.isUnfinished($0, length: length) }
        }
        #expect(!isDamaged(head.prefix(2), 2))
        #expect(!isDamaged(head.prefix(71), 71))
        #expect(!isDamaged(head, 179))
        #expect(isDamaged(head, 180))
        #expect(isDamaged(head, 200))
        #expect(isDamaged([0, 0], 2))
        head[12] = 0x80
        #expect(isDamaged(head, 180))
    }
}
