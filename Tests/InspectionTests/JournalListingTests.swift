import Diagnosis
import Foundation
@testable import Inspection
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct JournalListingTests {
    private let folder = ScratchFolder()

    @Test func listsLanesBesideAnOpenWriter() throws {
        let scratch = try ScratchJournal(in: folder, segmentBytes: 2048)
        for sequence: UInt64 in 1...6 { try scratch.append("A", sequence...sequence, size: 600) }
        try scratch.append("B", epoch: 2, 1...3)
        let listing = try scratch.stored.listing()
        #expect(listing.publisher == ScratchJournal.publisher)
        #expect(listing.lanes.map(\.dataType.rawValue) == ["A", "B"])
        let (a, b) = (listing.lanes[0], listing.lanes[1])
        #expect(a.first == LanePosition(epoch: 1, sequence: 1))
        #expect(a.last == LanePosition(epoch: 1, sequence: 6))
        #expect((a.count, a.records, a.files.count) == (6, 6, 3))
        #expect((a.oldestTime, a.newestTime) == (1001, 1006))
        #expect((b.count, b.records) == (3, 1))
        #expect(a.files.allSatisfy { $0.kind == .segment })
        #expect(a.bytes == a.files.reduce(0) { $0 + $1.bytes })
        #expect(listing.bytes == a.bytes + b.bytes)
    }

    @Test func aJournalOpenedBeforeAnAppendShowsWhatWasThereThen() throws {
        let scratch = try ScratchJournal(in: folder)
        try scratch.append("A", 1...2)
        let stored = try scratch.stored
        try scratch.append("A", 3...3)
        #expect(stored.listing().lanes[0].count == 2)
        #expect(try scratch.stored.listing().lanes[0].count == 3)
    }

    @Test func theTextHasAlignedColumns() throws {
        let listing = JournalListing(
            directory: "/j", publisher: nil, bytes: 3 << 20,
            lanes: [
                .init(
                    dataType: .trainingLog, first: LanePosition(epoch: 1, sequence: 1),
                    last: LanePosition(epoch: 12, sequence: 40), count: 900, records: 30, bytes: 3 << 20,
                    oldestTime: 0, newestTime: 86_400,
                    files: [
                        JournalFile(name: "00000000000000000001.seg.corrupt", kind: .corrupt, bytes: 10, modified: 0),
                        JournalFile(name: "00000000000000000002.seg", kind: .segment, bytes: 3 << 20, modified: 60),
                    ]),
                .init(dataType: .generic, count: 0, records: 0, bytes: 0, files: []),
            ])
        #expect(
            listing.lines(showsFiles: false) == [
                "/j: 3.0 MiB", "",
                "LANE          FIRST   LAST  COUNT  RECORDS  FILES    BYTES  OLDEST                NEWEST",
                "TRAINING_LOG    1/1  12/40    900       30      1  3.0 MiB  1970-01-01T00:00:00Z  1970-01-02T00:00:00Z",
                "GENERIC           -      -      0        0      0      0 B  -                     -", "",
                "Set aside: 1 file, 10 B",
            ])
        #expect(
            listing.lines(showsFiles: true).suffix(3) == [
                "FILE                                           KIND       BYTES  WRITTEN",
                "TRAINING_LOG/00000000000000000001.seg.corrupt  corrupt     10 B  1970-01-01T00:00:00Z",
                "TRAINING_LOG/00000000000000000002.seg          segment  3.0 MiB  1970-01-01T00:01:00Z",
            ])
        #expect(try InspectionJSON.text(listing).contains(#""data_type" : "TRAINING_LOG""#))
    }

    @Test func withoutAJournalThereIsAnError() throws {
        let error = #expect(throws: InspectionError.self) { try StoredJournal(stateDirectory: "/nonexistent") }
        #expect(error?.message == "there is no journal in /nonexistent: no publisher has kept one there")
    }

    @Test func aBadIdentityIsAnError() throws {
        let scratch = try ScratchJournal(in: folder)
        for bad in ["", "{}", #"{"publisher":"x","epoch":1}"#] {
            try Data(bad.utf8).write(to: URL(filePath: scratch.path + "/publisher.json"))
            #expect(throws: InspectionError.self) { try scratch.stored }
        }
        try FileManager.default.removeItem(atPath: scratch.path + "/publisher.json")
        try scratch.append("A", 1...1)
        #expect(try scratch.stored.listing().publisher == nil)
        #expect(throws: InspectionError.self) { try scratch.stored.exported() }
    }
}
