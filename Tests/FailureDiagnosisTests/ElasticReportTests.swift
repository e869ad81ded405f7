import Foundation
import Testing

@testable import FailureDiagnosis

@Suite struct ElasticReportTests {
    /// The launcher's log of a recorded job: both ranks failed, and the rank that it calls the root is the one that lost its peer.
    @Test func aRecordedReportHasAnEntryForEachRank() throws {
        let bytes = try TestFiles.read(TestFiles.corpus + "/jobs/torch-exception/launcher.log")
        let report = bytes.withUnsafeBytes {
            ElasticReport($0, from: 1000, time: LogTime(clock: LogClock(now: 1_795_482_000)))
        }
        #expect(Set(report.entries.map(\.rank)) == [0, 1])
        #expect(report.entries.allSatisfy { $0.exitCode == 1 && $0.time != nil })
        let offset = try #require(Data(bytes).range(of: Data("ValueError: ".utf8))?.lowerBound) + 1000
        #expect(report.entries.first { $0.range.contains(offset) }?.rank == 1)
    }

    @Test(arguments: [
        "", "rank      : ", "rank      : x", "rank      : 3", "  rank      : 3 (local_rank: 3)\n  exitcode  : -9 (pid",
    ])
    func tornReportsDoNoHarm(text: String) {
        var text = text
        let report = text.withUTF8 {
            ElasticReport(UnsafeRawBufferPointer($0), from: 0, time: LogTime(clock: LogClock(now: 0)))
        }
        #expect(report.entries.map(\.rank) == (text.contains("3") ? [3] : []))
    }
}
