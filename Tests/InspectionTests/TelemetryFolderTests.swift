import Foundation
@testable import Inspection
import TestSupport
import Testing
import ZMQBridge

@Suite struct TelemetryFolderTests {
    private let folder = ScratchFolder()
    private let url = "http://127.0.0.1:18889/metrics"

    private func telemetry(_ files: [String: String]) throws -> TelemetryFolder {
        for (name, text) in files { try folder.write(text, to: name) }
        return TelemetryFolder(path: folder.path, now: Samples.now)
    }

    private func text(up: Int = 1, age: Int64 = 5, reason: String = "unreachable", alarm: Int = 1) -> String {
        """
        # TYPE arobust_alarm gauge
        arobust_alarm{command="agent",name="xpu_timer_scrape",reason="empty",source="\(url)"} 0
        arobust_alarm{command="agent",name="xpu_timer_scrape",reason="\(reason)",source="\(url)"} \(alarm)
        arobust_alarm_began_at_seconds{command="agent",name="other",source="\(url)"} 5
        arobust_alarm_began_at_seconds{command="agent",name="xpu_timer_scrape",source="\(url)"} \(Samples.now - 600)
        arobust_telemetry_written_at_seconds{command="agent"} \(Samples.now - age)
        arobust_up{command="agent"} \(up)

        """
    }

    @Test func findsTheAlarmsOfWhatRuns() throws {
        let telemetry = try telemetry([
            "agent.prom": text(), "bridge.prom": text(alarm: 0), "agent.prom.new": "half", "notes.txt": "x",
            "foreign.prom": "node_load1 3\n", "garbage.prom": "\u{0}\n",
        ])
        let alarm = Alarm(
            name: "xpu_timer_scrape", source: url, reason: "unreachable", since: Samples.now - 600, command: "agent")
        #expect(telemetry.alarms == [alarm])
        #expect(telemetry.notRunning.isEmpty)
        #expect(
            StatusText(Samples.status(), telemetry: telemetry).lines[3]
                == "ALARM      XPU timer metrics of \(url): no usable page since 2026-11-23T17:50:00Z (unreachable)")
    }

    @Test(arguments: [(0, 5), (1, 121)] as [(Int, Int64)])
    func saysOfWhatDoesNotRunNothingMore(up: Int, age: Int64) throws {
        let telemetry = try telemetry(["agent.prom": text(up: up, age: age)])
        #expect(telemetry.alarms.isEmpty)
        #expect(telemetry.notRunning == ["agent"])
        #expect(StatusText(Samples.status(), telemetry: telemetry).lines[3] == "not running: agent")
    }

    @Test func aFileOfTwoMinutesAgoStillCounts() throws {
        #expect(try telemetry(["agent.prom": text(age: 120)]).alarms.count == 1)
    }

    @Test func aFolderThatIsNotThereSaysNothing() {
        #expect(TelemetryFolder(path: folder.file("none"), now: Samples.now) == TelemetryFolder())
        #expect(StatusText(Samples.status()).lines == StatusText(Samples.status(), telemetry: TelemetryFolder()).lines)
    }

    @Test func foreignTextCannotCommandTheTerminal() throws {
        let telemetry = try telemetry(["a\u{1B}.prom": text(reason: "\u{1B}[2J"), "b\u{1B}.prom": text(up: 0)])
        let lines = StatusText(Samples.status(), telemetry: telemetry).lines
        #expect(lines[3].hasSuffix("(\\x1b[2J)"))
        #expect(lines[4] == "not running: b\\x1b")
    }

    @Test func theJSONIsTheStatusWithTheAlarms() throws {
        let telemetry = try telemetry(["agent.prom": text()])
        let text = try InspectionJSON.text([StatusReport(Samples.status(), telemetry: telemetry)])
        let reports = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]]
        let report = try #require(reports?.first)
        #expect(report["publisher"] as? String == Samples.status().publisher)
        let alarm = try #require((report["alarms"] as? [[String: Any]])?.first)
        #expect(alarm["name"] as? String == "xpu_timer_scrape")
        #expect(alarm["since"] as? Int64 == Samples.now - 600)
        let empty = try InspectionJSON.text(StatusReport(Samples.status(), telemetry: TelemetryFolder()))
        #expect(empty.contains("\"alarms\" : [\n\n  ]"))
    }
}
