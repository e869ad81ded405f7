import Diagnosis
@testable import Inspection
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct JournalShowTests {
    private let folder = ScratchFolder()

    /// Epochs far apart, as they are in use.
    private let epochs: [UInt64] = [1_700_000_000, 1_700_500_000, 1_800_000_000]

    private func fill() throws -> ScratchJournal {
        let scratch = try ScratchJournal(in: folder, segmentBytes: 4096)
        try scratch.append("A", epoch: epochs[0], 1...20)
        try scratch.append("A", epoch: epochs[1], 1...4)
        try scratch.append("A", epoch: epochs[1], 5...30)
        try scratch.append("A", epoch: epochs[2], 1...2)
        try scratch.append("A", epoch: epochs[2], 3...6)
        try scratch.append("B", epoch: epochs[2], 1...3)
        return scratch
    }

    @Test(arguments: [(1, 2), (6, 2), (7, 1), (20, 1), (30, 1)]) func findsTheNewestEpochThatHasIt(
        sequence: UInt64, epoch: Int
    ) throws {
        let found = try fill().stored.envelopes(sequence: sequence, dataType: DiagnosisDataType(rawValue: "A"))
        #expect(found.map(\.position) == [LanePosition(epoch: epochs[epoch], sequence: sequence)])
        #expect(String(decoding: found[0].body, as: UTF8.self).contains("\"A \(sequence)\""))
        #expect(found[0].topic == "A/worker/7/")
        #expect(found[0].collectionTime == 1000 + Int64(sequence))
    }

    @Test func findsItInTheGivenEpoch() throws {
        let stored = try fill().stored
        let found = try stored.envelopes(sequence: 5, epoch: epochs[0])
        #expect(found.map(\.position) == [LanePosition(epoch: epochs[0], sequence: 5)])
    }

    @Test func findsOneInEachLane() throws {
        #expect(try fill().stored.envelopes(sequence: 2).map(\.dataType.rawValue) == ["A", "B"])
    }

    @Test func saysWhatThereIsWhenItIsMissing() throws {
        let stored = try fill().stored
        func message(_ sequence: UInt64, _ type: String? = nil, epoch: UInt64? = nil) -> String? {
            #expect(throws: InspectionError.self) {
                try stored.envelopes(
                    sequence: sequence, dataType: type.map { DiagnosisDataType(rawValue: $0) }, epoch: epoch)
            }?.message
        }
        let a = "A has 1700000000/1 to 1800000000/6"
        #expect(message(31, "A") == "sequence 31 is not in the journal: \(a)")
        #expect(message(0, "A") == "sequence 0 is not in the journal: \(a)")
        #expect(message(7, "A", epoch: epochs[2]) == "1800000000/7 is not in the journal: \(a)")
        #expect(message(1, "A", epoch: 12) == "12/1 is not in the journal: \(a)")
        #expect(message(31) == "sequence 31 is not in the journal: \(a), B has 1800000000/1 to 1800000000/3")
        #expect(message(1, "C") == "the journal has nothing of C; it has A, B")
        #expect(message(.max, "A", epoch: .max) != nil)
    }

    @Test func aHoleIsMissing() throws {
        let scratch = try ScratchJournal(in: folder)
        try scratch.append("A", 1...3)
        try scratch.append("A", 6...8)
        let stored = try scratch.stored
        #expect(throws: InspectionError.self) { try stored.envelopes(sequence: 4) }
        #expect(try stored.envelopes(sequence: 6).count == 1)
    }

    @Test func showsHeaderAndContent() throws {
        let envelope = try #require(try fill().stored.envelopes(sequence: 2, epoch: epochs[1]).first)
        #expect(
            envelope.lines == [
                "A 1700500000/2", "publisher   \(ScratchJournal.publisher)", "topic       A/worker/7/",
                "collected   1970-01-01T00:16:42Z", "published   1970-01-01T00:33:20.123Z",
                "body        \(envelope.body.count) B",
                "node        worker/7, id 4", "", "  A 2",
            ])
        let json = try envelope.json()
        let body = String(decoding: envelope.body, as: UTF8.self)
        #expect(
            json.hasPrefix(#"{"collection_time":1002,"data_type":"A","epoch":1700500000,"publish_time":2000123000000,"#)
        )
        #expect(json.hasSuffix(#""metric":\#(body)}"#))
    }

    @Test func aBodyThatIsNoMetricIsShownAsText() throws {
        let scratch = try ScratchJournal(in: folder)
        try scratch.append("A", 1...1, bodies: [Array("n\u{1B}o".utf8)])
        let envelope = try scratch.stored.envelopes(sequence: 1)[0]
        #expect(envelope.lines.last == "  n\\x1bo")
        #expect(try envelope.json().hasPrefix(#"{"body":"n\u001bo","collection_time":1001"#))
    }

    @Test func anotherPayloadIsAnError() throws {
        let scratch = try ScratchJournal(in: folder)
        try scratch.append("A", 1...1, payload: [1, 2, 3])
        #expect(throws: InspectionError.self) { try scratch.stored.envelopes(sequence: 1) }
    }
}
