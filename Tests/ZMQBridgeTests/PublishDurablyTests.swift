import Diagnosis
import Foundation
import Journal
import Testing
import TestSupport

@testable import ZMQBridge

@Suite(.timeLimit(.minutes(1))) struct PublishDurablyTests {
    private let node = NodeIdentity(id: 9, rank: 4)
    private let metric = Array(#"{"data_type": "A", "data_content": "x"}"#.utf8)

    @Test(arguments: [JournalConfiguration.Durability.processCrash, .powerLoss])
    func isJournaledOrRefusedAndNeverVolatile(durability: JournalConfiguration.Durability) async throws {
        let scratch = ScratchFolder()
        var configuration = PublisherConfiguration()
        configuration.journal.durability = durability
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory(), configuration: configuration)
        let journal = publisher.directory.journalDirectory
        try FileManager.default.moveItem(atPath: journal, toPath: journal + ".away")
        try Data().write(to: URL(filePath: journal))
        let error = await #expect(throws: ReportError.self) {
            try await publisher.publishDurably(json: metric, node: node)
        }
        #expect(error?.code == .storage)
        #expect(publisher.newest.isEmpty)
        // The same without that need is published.
        try publisher.publish([.log("volatile")])
        #expect(publisher.newest[.trainingLog]?.sequence == 1)

        try FileManager.default.removeItem(atPath: journal)
        try FileManager.default.moveItem(atPath: journal + ".away", toPath: journal)
        try await publisher.publishDurably(json: metric, node: node)
        #expect(publisher.newest[DiagnosisDataType(rawValue: "A")]?.sequence == 1)
        #expect(publisher.state.journal.lane("A")?.newest?.sequence == 1)
    }

    @Test func refusesWhatIngestRefuses() async throws {
        let scratch = ScratchFolder()
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory())
        for (json, reason) in [("{", "key"), ("{}", "data_type"), (#"{"data_type":"A/B","data_content":""}"#, "A/B")] {
            let error = await #expect(throws: ReportError.self) {
                try await publisher.publishDurably(json: Array(json.utf8), node: node)
            }
            #expect(error?.code == .refused)
            #expect(error?.message.contains(reason) == true)
        }
    }
}
