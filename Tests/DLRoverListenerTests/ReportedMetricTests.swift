import Foundation
import MasterClients
import NIOCore
import Testing

/// What real DLRover clients sent, and what others might.
struct ReportedMetricTests {
    @Test(arguments: [
        "v040_DiagnosisReportData_training_log", "v061_DiagnosisReportData_xpu_timer",
        "v061_DiagnosisReportData_unicode",
        "v061_DiagnosisReportData_70KiB", "min_comm_DiagnosisReportData_build", "min_grpc_DiagnosisReportData_reduce",
    ])
    func findsTheMetricsOfAllVersions(fixture: String) throws {
        let metric = try #require(ReportedMetric(message: try Fixture.message(fixture)))
        let json = try #require(try JSONSerialization.jsonObject(with: Data(metric.json)) as? [String: Any])
        #expect(json["data_type"] is String && json["data_content"] is String)
    }

    @Test(arguments: ["v061_HeartBeat", "v061_NodeFailure", "v061_ResourceStats", "v061_Event", "v040_NodeEvent"])
    func seesNoMetricInAnythingElse(fixture: String) throws {
        #expect(ReportedMetric(message: try Fixture.message(fixture)) == nil)
    }

    @Test(arguments: [[], [0xFF, 0xFF], [0x1A, 0x01, 0x2E], Array("\u{1A}\u{04}cos\n".utf8)] as [[UInt8]])
    func seesNoMetricInWhatCannotBeRead(bytes: [UInt8]) {
        #expect(ReportedMetric(message: ByteBuffer(bytes: bytes)) == nil)
    }
}
