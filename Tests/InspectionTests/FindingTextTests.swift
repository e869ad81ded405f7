import Foundation
@testable import Inspection
import TestSupport
import Testing
import ZMQBridge

@Suite struct FindingTextTests {
    private let folder = ScratchFolder()

    private func telemetry(_ samples: [String], up: Int = 1) throws -> TelemetryFolder {
        let own = ["arobust_up \(up)", "arobust_telemetry_written_at_seconds \(Samples.now)"]
        try folder.write((samples + own).joined(separator: "\n") + "\n", to: "agent.prom")
        return TelemetryFolder(path: folder.path, now: Samples.now)
    }

    private func sample(_ rule: String, ago: Int64, role: String = "root-cause", title: String = "Title") -> String {
        "arobust_log_finding_seen_at_seconds{command=\"agent\",domain=\"gpu\",file=\"/logs/rank3.log\","
            + "role=\"\(role)\",rule=\"\(rule)\",title=\"\(title)\"} \(Samples.now - ago)"
    }

    private func count(_ domain: String, _ role: String, _ value: String) -> String {
        "arobust_log_findings_total{command=\"agent\",domain=\"\(domain)\",role=\"\(role)\"} \(value)"
    }

    private func lines(_ telemetry: TelemetryFolder) -> [String] {
        FindingText(telemetry: telemetry, now: Samples.now).lines
    }

    @Test func showsRootCausesAndCountsByDomain() throws {
        let telemetry = try telemetry([
            sample("cuda.out-of-memory", ago: 7300, title: "CUDA out of memory"),
            sample("nvidia.xid.79", ago: 180, title: "Xid 79: GPU has fallen off the bus"),
            sample("nccl.remote", ago: 5, role: "cascade"),
            count("gpu", "root-cause", "2"), count("gpu", "information", "1"), count("network", "cascade", "841"),
            count("storage", "root-cause", "0"),
        ])
        let shown = [
            "ROOT CAUSE Xid 79: GPU has fallen off the bus, 3 min ago, in /logs/rank3.log (nvidia.xid.79)",
            "root cause CUDA out of memory, 2 h ago, in /logs/rank3.log (cuda.out-of-memory)",
            "findings   gpu 3, network 841",
        ]
        #expect(lines(telemetry) == shown)
        #expect(Array(StatusText(Samples.status(), telemetry: telemetry).lines[3...5]) == shown)
    }

    @Test(arguments: [(599, "ROOT CAUSE "), (600, "root cause "), (-5, "ROOT CAUSE ")] as [(Int64, String)])
    func marksWhatIsFresh(ago: Int64, prefix: String) throws {
        #expect(try lines(telemetry([sample("a", ago: ago)]))[0].hasPrefix(prefix))
    }

    @Test func showsThreeRootCauses() throws {
        let lines = try lines(telemetry((1...5).map { sample("r\($0)", ago: $0) }))
        #expect(lines.count == 4)
        #expect(lines[2].hasSuffix("(r3)"))
        #expect(lines[3] == "           and 2 more")
    }

    @Test func showsNothingWithoutFindings() throws {
        #expect(try lines(telemetry([count("gpu", "root-cause", "0")])) == [])
    }

    @Test func whatAnEndedProcessFoundIsStillShown() throws {
        let telemetry = try telemetry([sample("a", ago: 60), count("gpu", "root-cause", "1")], up: 0)
        #expect(telemetry.notRunning == ["agent"])
        #expect(lines(telemetry).count == 2)
    }

    @Test func foreignTextAndNumbersDoNoHarm() throws {
        let telemetry = try telemetry([
            sample("\u{1B}[2J", ago: 1), "arobust_log_finding_seen_at_seconds 1e300",
            "arobust_log_finding_seen_at_seconds NaN", count("gpu", "cascade", "1e300"), count("gpu", "cascade", "NaN"),
            count("gpu", "cascade", "-1"),
        ])
        #expect(lines(telemetry) == ["ROOT CAUSE Title, 1 s ago, in /logs/rank3.log (\\x1b[2J)"])
        #expect(telemetry.findingCounts.isEmpty)
    }

    @Test func theJSONHasThem() throws {
        let telemetry = try telemetry([sample("a", ago: 60), count("gpu", "root-cause", "2")])
        let text = try InspectionJSON.text(StatusReport(Samples.status(), telemetry: telemetry))
        let report = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let finding = try #require((report["findings"] as? [[String: Any]])?.first)
        #expect(finding["rule"] as? String == "a")
        #expect(finding["seen"] as? Int64 == Samples.now - 60)
        #expect(report["finding_counts"] as? [String: [String: Int]] == ["gpu": ["root-cause": 2]])
    }
}
