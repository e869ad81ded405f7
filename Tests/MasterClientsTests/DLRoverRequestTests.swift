import Diagnosis
import Testing

@testable import MasterClients

@Suite struct DLRoverRequestTests {
    /// Pickles in the form that Python writes, and in the shortest.
    @Test(arguments: ["min_comm_DiagnosisReportData_build.bin", "min_comm_DiagnosisReportData_reduce.bin"])
    func aRecordedReportIsAMetric(name: String) throws {
        let pickle = Fixture.bytes(name)
        let request = try #require(DLRoverRequest(message: DLRoverAnswerMessage.message(pickle: pickle)))
        let metric = try #require(request.metric)
        #expect(JSONValue(metric.json)?["data_type"] != nil)
    }

    private func message(_ pickle: [UInt8]) -> [UInt8] {
        [0x08, 0x05, 0x12, 0x02] + Array("ps".utf8) + [0x1A, UInt8(pickle.count)] + pickle
    }

    private func report(_ dataClass: String, _ module: String = "dlrover.python.common.comm") -> [UInt8] {
        func text(_ value: String) -> [UInt8] { [0x58, UInt8(value.utf8.count), 0, 0, 0] + Array(value.utf8) }
        return Array("c\(module)\nDiagnosisReportData\n(".utf8) + text(dataClass) + text("{}") + Array("K\u{7}tR.".utf8)
    }

    @Test(arguments: ["dlrover.python.common.comm", "dlrover.python.common.grpc"])
    func aMetricIsRead(module: String) throws {
        let request = try #require(DLRoverRequest(message: message(report("WorkerTrainingMetric", module))))
        #expect(request.node == NodeIdentity(id: 5, type: "ps"))
        let metric = try #require(request.metric)
        #expect(metric.json == Array("{}".utf8))
        #expect(metric.nodeRank == 7)
    }

    @Test func anythingElseIsNone() throws {
        for pickle in [
            [], report("TrainingLog"), report("WorkerTrainingMetric", "os"), [0x80, 0x04, 0x4E, 0x2E], [0xFF],
        ] {
            #expect(try #require(DLRoverRequest(message: message(pickle))).metric == nil)
        }
        #expect(DLRoverRequest(message: [0xFF, 0xFF]) == nil)
        #expect(DLRoverRequest(message: [])?.metric == nil)
    }

    @Test func answersAreAsTheMasters() {
        #expect(DLRoverAnswerMessage.response(success: true) == [0x08, 0x01])
        #expect(DLRoverAnswerMessage.response(success: false) == [])
        #expect(DLRoverAnswerMessage.message(pickle: []) == [])
        #expect(DLRoverAnswerMessage.message(pickle: [1, 2]) == [0x1A, 2, 1, 2])
    }
}
