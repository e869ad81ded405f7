import Diagnosis
import Foundation
@testable import Inspection
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct JournalExportTests {
    private let folder = ScratchFolder()

    private func fill() throws -> ScratchJournal {
        let scratch = try ScratchJournal(in: folder, segmentBytes: 4096)
        try scratch.append("A", epoch: 1, 1...10)
        try scratch.append("A", epoch: 2, 1...5)
        try scratch.append("A", epoch: 2, 6...10)
        try scratch.append("B", epoch: 2, 1...3)
        return scratch
    }

    /// Lane, epoch and sequence of each line.
    private func places(_ lines: [String]) throws -> [String] {
        struct Line: Decodable {
            var data_type: String
            var publisher: String
            var epoch: UInt64
            var sequence: UInt64
            var data_content: String
        }
        return try lines.map { text in
            let line = try JSONDecoder().decode(Line.self, from: Data(text.utf8))
            #expect(line.publisher == ScratchJournal.publisher)
            #expect(line.data_content == "\(line.data_type) \(line.sequence)")
            return "\(line.data_type) \(line.epoch)/\(line.sequence)"
        }
    }

    @Test func aLineIsTheMetricAndItsPlace() throws {
        let line = try fill().stored.exported().lines[0]
        #expect(
            line
                == #"{"timestamp": 1001, "data_type": "A", "data_content": "A 1", "node_id": 4, "node_type": "worker", "#
                + #""node_rank": 7, "is_final_result": false, "need_report": false, "#
                + #""publisher": "01234567-89ab-cdef-0123-456789abcdef", "epoch": 1, "sequence": 1}"#)
    }

    @Test func exportsAllBesideAnOpenWriter() throws {
        let exported = try fill().stored.exported()
        #expect(exported.isWhole && exported.remarks.isEmpty)
        let places = try places(exported.lines)
        #expect(places.count == 23)
        #expect(places.first == "A 1/1")
        #expect(places.last == "B 2/3")
    }

    @Test func selectsByLanePositionAndTime() throws {
        let stored = try fill().stored
        let a = DiagnosisDataType(rawValue: "A")
        func places(_ change: (inout ExportSelection) -> Void) throws -> [String] {
            try self.places(try stored.exported(change).lines)
        }
        #expect(try places { $0.dataTypes = [DiagnosisDataType(rawValue: "B")] } == ["B 2/1", "B 2/2", "B 2/3"])
        #expect(
            try places {
                $0.dataTypes = [a]
                $0.from = LanePosition(epoch: 1, sequence: 10)
                $0.to = LanePosition(epoch: 2, sequence: 2)
            } == ["A 1/10", "A 2/1", "A 2/2"])
        #expect(
            try places {
                $0.dataTypes = [a]
                $0.since = 1009
            } == ["A 1/9", "A 1/10", "A 2/9", "A 2/10"])
        #expect(
            try places {
                $0.from = LanePosition(epoch: 2, sequence: 0)
                $0.to = LanePosition(epoch: 2, sequence: 1)
            } == ["A 2/1", "B 2/1"])
        #expect(try places { $0.since = 5000 } == [])
        #expect(throws: InspectionError.self) {
            try stored.exported { $0.dataTypes = [DiagnosisDataType(rawValue: "C")] }
        }
    }

    @Test func stopsWhenNobodyReads() throws {
        var calls = 0
        _ = try fill().stored.export(ExportSelection()) { _ in
            calls += 1
            return calls < 2
        } remark: { _ in
        }
        #expect(calls == 2)
    }

    @Test func aBodyOverSeveralLinesBecomesOne() throws {
        let scratch = try ScratchJournal(in: folder)
        try scratch.append("A", 1...2, bodies: [Array("{\n  \"timestamp\": 1 \r\n} \n".utf8), Array("{}".utf8)])
        let exported = try scratch.stored.exported().lines
        let tail = #""publisher": "01234567-89ab-cdef-0123-456789abcdef", "epoch": 1, "sequence": "#
        #expect(exported == [#"{   "timestamp": 1, \#(tail)1}"#, #"{\#(tail)2}"#])
    }

    @Test func leavesOutAndNamesWhatIsDamaged() throws {
        let scratch = try ScratchJournal(in: folder, segmentBytes: 2048)
        for sequence: UInt64 in 1...6 { try scratch.append("A", sequence...sequence, size: 600) }
        scratch.close()
        for (file, offset) in [(0, 1500), (1, 1500), (2, 1500), (2, 100)] {
            let copy = try ScratchJournal(in: folder)
            copy.close()
            try FileManager.default.removeItem(atPath: copy.path)
            try FileManager.default.copyItem(atPath: scratch.path, toPath: copy.path)
            try copy.damage(copy.files("A")[file], beforeEnd: offset)
            let exported = try copy.stored.exported()
            #expect(!exported.isWhole && !exported.remarks.isEmpty, "\(file) \(offset): \(exported)")
            #expect((4...5).contains(exported.lines.count), "\(file): \(exported.lines.count)")
        }
    }

    @Test func leavesOutWhatIsNoMetric() throws {
        let scratch = try ScratchJournal(in: folder)
        try scratch.append("A", 1...2, bodies: [Array("no".utf8), Array("{}".utf8)])
        let exported = try scratch.stored.exported()
        #expect(exported.lines.count == 1 && !exported.isWhole)
        #expect(exported.remarks.count == 1)
    }

    @Test func holesAreRemarkedUpToTheSelectionsEnd() throws {
        let scratch = try ScratchJournal(in: folder)
        try scratch.append("A", 1...1)
        try scratch.append("A", 4...4)
        #expect(try scratch.stored.exported().remarks.count == 1)
        #expect(try scratch.stored.exported { $0.to = LanePosition(epoch: 1, sequence: 1) }.remarks.isEmpty)
        #expect(try scratch.stored.exported().isWhole)
    }

    @Test func whatIsEvictedMeanwhileIsRemarked() throws {
        let scratch = try ScratchJournal(in: folder, segmentBytes: 1024, totalBytes: 4096)
        for sequence: UInt64 in 1...3 { try scratch.append("A", sequence...sequence, size: 600) }
        let stored = try scratch.stored
        for sequence: UInt64 in 4...9 { try scratch.append("A", sequence...sequence, size: 600) }
        let exported = try stored.exported()
        #expect(exported.isWhole && exported.lines.isEmpty, "\(exported)")
        #expect(exported.remarks.contains { $0.hasSuffix("evicted") }, "\(exported)")
    }
}
