import Foundation
@testable import Inspection
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct JournalCheckTests {
    private let folder = ScratchFolder()

    /// Three files of one lane.
    private func fill() throws -> ScratchJournal {
        let scratch = try ScratchJournal(in: folder, segmentBytes: 2048)
        for sequence: UInt64 in 1...6 { try scratch.append("A", sequence...sequence, size: 600) }
        #expect(try scratch.files("A").count == 3)
        return scratch
    }

    @Test func aWholeJournalIsWhole() throws {
        let scratch = try fill()
        try scratch.append("B", 1...4)
        let check = try scratch.stored.check()
        #expect(check.isWhole && check.notes.isEmpty, "\(check)")
        #expect(check.lanes.map(\.count) == [6, 4])
        #expect(check.lanes.map(\.records) == [6, 1])
        #expect(check.lines.last == "\(scratch.path)/journal is whole")
    }

    @Test(arguments: 0...2) func aChangedByteIsDamage(file: Int) throws {
        let scratch = try fill()
        scratch.close()
        try scratch.damage(scratch.files("A")[file], beforeEnd: 100)
        let check = try scratch.stored.check()
        #expect(check.problems.count == 1, "\(check)")
        #expect(check.problems.first?.contains("/A/000") ?? false)
        #expect(check.lines.last?.contains("DAMAGED: 1 problem") ?? false)
        // Nothing was touched.
        #expect(try scratch.files("A").allSatisfy { $0.pathExtension == "seg" })
    }

    @Test(arguments: 0...2) func aChangedSegmentHeaderIsDamage(file: Int) throws {
        let scratch = try fill()
        scratch.close()
        let url = try scratch.files("A")[file]
        try scratch.damage(url, beforeEnd: Data(contentsOf: url).count - 25)
        #expect(try !scratch.stored.check().isWhole)
    }

    @Test(arguments: 0...1) func aByteChangedAnywhereInAFinishedFileIsDamage(file: Int) throws {
        let scratch = try fill()
        scratch.close()
        let url = try scratch.files("A")[file]
        let bytes = try Data(contentsOf: url)
        // Of the first 20 bytes, some say that the file is of a newer version.
        for offset in stride(from: 20, to: bytes.count, by: 13) {
            try scratch.damage(url, beforeEnd: bytes.count - offset)
            #expect(try !scratch.stored.check().isWhole, "byte \(offset)")
            try bytes.write(to: url)
        }
    }

    @Test func aHalfWrittenRecordIsNoDamage() throws {
        // In the payload (its header is whole), in the header, and in the marker.
        for length in [10, 300, 600, 800, 850, 857, 859] {
            let scratch = try fill()
            let file = try scratch.files("A")[2]
            try scratch.shorten(file, by: length)
            let stored = try scratch.stored
            let check = try stored.check()
            #expect(check.isWhole, "\(length): \(check)")
            #expect(check.notes.count == 1, "\(length): \(check)")
            #expect(check.lanes[0].count == 5)
            let exported = try stored.exported()
            #expect(exported.isWhole && exported.remarks.isEmpty && exported.lines.count == 5, "\(length): \(exported)")
        }
    }

    @Test func whatWasSetAsideIsANote() throws {
        let scratch = try fill()
        scratch.close()
        let file = try scratch.files("A")[0]
        try FileManager.default.moveItem(at: file, to: URL(filePath: file.path + ".corrupt"))
        let check = try scratch.stored.check()
        #expect(check.isWhole, "\(check)")
        #expect(check.notes.contains { $0.hasSuffix(".seg.corrupt was set aside as damaged before") })
    }

    @Test func aPayloadWithoutEnvelopesIsDamage() throws {
        let scratch = try ScratchJournal(in: folder)
        try scratch.append("A", 1...1, payload: [1, 2, 3])
        try scratch.append("A", 2...3, bodies: [Array("{}".utf8), Array("no".utf8)])
        let check = try scratch.stored.check()
        #expect(check.problems.count == 2)
        #expect(check.problems.first == "A 1/1 to 1/1: no envelopes, as byte 0 shows")
        #expect(check.problems.last?.hasPrefix("A 1/3: not a metric's JSON, at byte 0") ?? false, "\(check)")
        #expect(check.lanes[0].count == 2)
    }

    @Test func aHoleIsANote() throws {
        let scratch = try ScratchJournal(in: folder)
        try scratch.append("A", 1...1)
        try scratch.append("A", 4...4)
        let check = try scratch.stored.check()
        #expect(check.isWhole)
        #expect(check.notes == ["A: what comes after 1/1 up to 1/3 is not there: absent"])
    }
}
