import Foundation
import TestSupport
import Testing

@testable import Inspection

@Suite struct LogReadingTests {
    private let folder = ScratchFolder()

    private func telemetry(left: String, unread: Int = 3 << 20) throws -> TelemetryFolder {
        try folder.write(
            """
            arobust_up 1
            arobust_telemetry_written_at_seconds \(Samples.now - 5)
            arobust_log_lines_total{file="/b"} 7
            arobust_log_bytes_total{file="/b"} 700
            arobust_log_file_unread_bytes{file="/b"} \(unread)
            arobust_log_lines_total{file="/a"} 1
            arobust_log_unread_bytes \(unread)
            arobust_log_remaining_seconds \(left)

            """, to: "collect.prom")
        return TelemetryFolder(path: folder.path, now: Samples.now)
    }

    @Test func aBacklogIsInTheStatus() throws {
        let telemetry = try telemetry(left: "95")
        let reading = try #require(telemetry.logs.first)
        #expect(reading.files.map(\.file) == ["/a", "/b"] && reading.files[1].unreadBytes == 3 << 20)
        let lines = StatusText(Samples.status(), telemetry: telemetry).lines
        #expect(lines.contains("reading    3.0 MiB of the logs are unread, about 95 s left"))
        let json = try InspectionJSON.text([StatusReport(Samples.status(), telemetry: telemetry)])
        let reports = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]]
        let logs = try #require(reports?.first?["logs"] as? [[String: Any]])
        #expect(logs[0]["seconds_left"] as? Double == 95 && logs[0]["unread_bytes"] as? Int == 3 << 20)
    }

    @Test func aBacklogThatDoesNotGetLessIsSaidToBe() throws {
        let lines = StatusText(Samples.status(), telemetry: try telemetry(left: "+Inf")).lines
        #expect(lines.contains("reading    3.0 MiB of the logs are unread: it does not get less"))
    }

    @Test func whatIsReadInAMomentIsNoBacklog() throws {
        let lines = StatusText(Samples.status(), telemetry: try telemetry(left: "1", unread: 1000)).lines
        #expect(!lines.contains { $0.hasPrefix("reading") })
    }
}
