import Foundation
@testable import Hang
import Testing

@Suite struct EvidenceFileTests {
    @Test(
        arguments: [
            ("rank_3", 3), ("/tmp/fr/nccl_trace_rank_12", 12), ("rank_3.json", 3), ("trace.7", 7),
            ("dump0007.pickle", 7),
            ("node2_rank5.pkl", 5), ("v2.10_rank4", 4), ("comm_lib_trace_rank_1023", 1023), ("0", 0),
        ] as [(String, Int?)])
    func aNameEndsInTheRank(_ name: String, _ rank: Int?) {
        #expect(EvidenceFile.rank(inName: name) == rank)
    }

    @Test(arguments: ["rank_x", "README.md", "", "rank_", "rank_12345678901"])
    func otherNamesHaveNone(_ name: String) {
        #expect(EvidenceFile.rank(inName: name) == nil)
    }

    @Test func anIncidentSurvivesBeingFilesAndAnArchive() throws {
        var incident = Incident(id: "20261130T014352Z-1", node: "3", begun: 1_796_000_000)
        incident.triggers = [HangSuspicion(.noProgress, rank: 1, text: "no step for 90 s", time: 1_796_000_000)]
        let dump = try HangFixtures.bytes("flight-recorder/late/rank_0")
        incident.pieces = [
            EvidencePiece(kind: .flightRecorder, rank: 0, source: "a", time: 1, content: dump),
            EvidencePiece(kind: .flightRecorder, rank: 0, source: "again", time: 2, content: dump),
            EvidencePiece(kind: .log, rank: 1, source: "../../etc/passwd", time: 1, content: Array("last\n".utf8)),
            .missing(.ras, source: "localhost:28028", time: 1, because: "nobody listens"),
        ]
        incident.end = IncidentRecord.End(time: 5, hang: true, sentence: "s", pieces: 4, missing: 1)
        let files = IncidentBundle.files(of: incident)
        #expect(
            files.map(\.name) == [
                "incident.json", "flight-recorder/rank_0", "flight-recorder/rank_0.2", "log/rank_1.log",
            ])
        let archive = TarArchive.write(files, under: incident.id, time: 1)
        #expect(TarArchive.isOne(archive))
        let read = TarArchive.files(in: archive)
        #expect(read == files)
        let back = IncidentBundle.incident(index: files[0].content) { name in read.first { $0.name == name }?.content }
        #expect(back == incident)
        for length in stride(from: 0, to: archive.count, by: 97) { _ = TarArchive.files(in: Array(archive[..<length])) }
    }

    @Test func recordsTravelAsJSON() throws {
        var record = IncidentRecord(incident: "x", number: 3)
        record.piece = EvidencePiece(kind: .flightRecorder, rank: 1, source: "s", time: 9, content: [0x80, 2, 0xFF])
        #expect(IncidentRecord(content: record.content) == record)
        record.piece?.content = Array("a \"text\" ✓".utf8)
        #expect(IncidentRecord(content: record.content) == record)
        #expect(record.content.contains("✓"))
        #expect(IncidentRecord(content: "{}") == nil)
    }
}
