import Diagnosis
import Foundation
import MasterClients
import TestSupport
import Testing
import ZMQBridge

@Suite(.timeLimit(.minutes(1))) struct MetricTests {
    @Test func aMetricIsAnsweredWithSuccessAndIsInTheJournal() async throws {
        try await Listening.with(master: nil) { listening in
            let answer = try await listening.report(#"{"data_type": "TRAINING_LOG", "data_content": "a"}"#)
            #expect(answer == [0x08, 0x01])
            for version in ["v040", "v061"] {
                let message = try Fixture.message("\(version)_DiagnosisReportData_stack_trace")
                #expect(try await listening.call("/elastic.Master/report", message) == [0x08, 0x01])
            }
            #expect(listening.count("published") == 3)
            let journal = listening.publisher.directory.journalDirectory
            #expect(try FileManager.default.contentsOfDirectory(atPath: journal).count >= 2)
        }
    }

    @Test(arguments: [
        ("{bad", "expected a key"), ("{}", "data_type is missing"),
        (#"{"data_type": "a b", "data_content": "x"}"#, "data_type 'a b' must be"),
        (#"{"data_type": "A", "data_content": "x", "more": 1}"#, "unknown key 'more'"),
    ])
    func whatCannotBeOnTheBusIsRefusedWithTheReason(json: String, reason: String) async throws {
        try await Listening.with(master: nil) { listening in
            for _ in 0..<10 {
                let status = await #expect(throws: GRPCStatus.self) { try await listening.report(json) }
                #expect(status?.code == .invalidArgument)
                #expect(status?.message.contains(reason) == true)
            }
            #expect(listening.count("refused") == 10)
            #expect(listening.logs.count("A DLRover client's metric was refused.") == 1)
        }
    }

    @Test func withoutAJournalNothingSucceedsAndTheClientIsToTryAgain() async throws {
        try await Listening.with(master: nil) { listening in
            let journal = listening.publisher.directory.journalDirectory
            try FileManager.default.moveItem(atPath: journal, toPath: journal + ".away")
            try Data().write(to: URL(filePath: journal))
            let metric = #"{"data_type": "A", "data_content": "x"}"#
            let status = await #expect(throws: GRPCStatus.self) { try await listening.report(metric) }
            #expect(status?.code == .unavailable)
            #expect(status?.message.contains("journal") == true)
            try FileManager.default.removeItem(atPath: journal)
            try FileManager.default.moveItem(atPath: journal + ".away", toPath: journal)
            #expect(try await listening.report(metric) == [0x08, 0x01])
        }
    }
}
