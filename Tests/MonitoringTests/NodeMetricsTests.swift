import CoreMetrics
import Diagnosis
import Foundation
import Inspection
@testable import Monitoring
import SystemSupport
import Telemetry
import Testing
import ZMQBridge

/// One publisher with two lanes, and a consumer that is behind.
private func sampleStatus(consumers: [String] = ["dlrover+grpc://10.0.0.1:50001"]) throws -> PublisherStatus {
    func consumer(_ name: String) -> String {
        """
        {"account": {"consumer": "\(name)", "state": {"breaker": "open", "started_at": "x"}, "lanes": [
           {"data_type": "GENERIC", "origin": [1, 0], "through": [1, 40],
            "ahead": 0, "delivered": 30, "skipped": {"stale": 8}, "lost": {"evicted": 2}}]},
         "heard": 995, "pace": {"finished_per_second": 5, "published_per_second": 1, "seconds_left": 15},
         "lanes": [{"data_type": "GENERIC", "produced": 100, "pending": 60, "pending_bytes": 6000, "pending_since": 940, "unnoticed": {}}]}
        """
    }
    let json = """
        {"publisher": "0123456789abcdef0123456789abcdef", "epoch": 1, "time": 1000,
         "journal": {"directory": "/j", "bytes": 4096, "total_bytes": 65536, "durability": "process-crash"},
         "lanes": [{"data_type": "GENERIC", "first": [1, 1], "last": [1, 100], "produced": 100,
                    "retained": 90, "bytes": 4000, "oldest_time": 900, "newest_time": 990, "published_bytes": 12345},
                   {"data_type": "TRAINING_LOG", "last": [1, 7], "produced": 7, "retained": 0, "bytes": 0}],
         "losses": [], "consumers": [\(consumers.map(consumer).joined(separator: ","))], "refused": []}
        """
    return try JSONDecoder().decode(PublisherStatus.self, from: Data(json.utf8))
}

private func page(
    _ status: PublisherStatus?, isPublisher: Bool = true, masters: Set<String>? = nil
) -> [PrometheusSample] {
    text(status, isPublisher: isPublisher, masters: masters).split(separator: "\n").compactMap { PrometheusSample($0) }
}

private func text(
    _ status: PublisherStatus?, isPublisher: Bool = true, masters: Set<String>? = nil
) -> String {
    let registry = TelemetryRegistry(labels: [("command", "agent")], operatorLabels: [("job", "7")])
    let process = MonitoredProcess(registry: registry, isPublisher: isPublisher, masters: masters) { NodeState() }
    let state = status.map { NodeState(reports: [StatusReport($0, telemetry: TelemetryFolder())]) }
    return NodeMetrics(
        process: process, state: state, isReady: state != nil, answers: [(200, 3)], connections: (1, 0, 0)
    ).text
}

struct NodeMetricsTests {
    @Test func whatStatusKnowsIsThere() throws {
        let samples = try page(sampleStatus())
        func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
            samples.first { sample in
                sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
            }?.value
        }
        #expect(value("arobust_journal_bytes") == 4096 && value("arobust_journal_limit_bytes") == 65536)
        #expect(value("arobust_journal_oldest_age_seconds") == 100)
        #expect(value("arobust_journal_writable") == 1)
        #expect(value("arobust_lane_envelopes_total", ["lane": "GENERIC"]) == 100)
        #expect(value("arobust_lane_published_bytes_total", ["lane": "GENERIC"]) == 12345)
        #expect(value("arobust_lane_newest_age_seconds", ["lane": "GENERIC"]) == 10)
        let master = ["consumer": "dlrover+grpc://10.0.0.1:50001"]
        #expect(value("arobust_consumer_delivered_total", master) == 30)
        #expect(value("arobust_consumer_skipped_total", master.merging(["reason": "stale"]) { $1 }) == 8)
        #expect(value("arobust_consumer_lost_total", master.merging(["reason": "evicted"]) { $1 }) == 2)
        #expect(value("arobust_consumer_pending_envelopes", master) == 60)
        #expect(value("arobust_consumer_lag_seconds", master) == 60)
        #expect(value("arobust_consumer_difference_envelopes", master) == 0)
        #expect(value("arobust_consumer_breaker_state", ["state": "open"]) == 1)
        #expect(value("arobust_consumer_breaker_state", ["state": "closed"]) == 0)
        #expect(value("arobust_consumer_remaining_seconds") == 15)
        #expect(value("arobust_status_up") == 1 && value("arobust_ready") == 1)
        #expect(value("process_open_fds") ?? 0 > 3 && value("process_resident_memory_bytes") ?? 0 > 1e6)
        #expect(abs((value("process_start_time_seconds") ?? 0) - Double(WallClock.seconds())) < 86400)
        #expect(samples.allSatisfy { $0.labels["command"] == "agent" && $0.labels["job"] == "7" })
    }

    @Test func eachFamilyHasHelpAndComesOnceAndSoDoesEachSeries() throws {
        let text = try text(sampleStatus())
        let names = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
        #expect(Set(names).count == names.count)
        for name in names { #expect(text.contains("# HELP \(name) "), "\(name)") }
        let series = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
            $0.split(separator: " ").dropLast()
        }
        #expect(Set(series).count == series.count)
    }

    @Test func consumersBeyondTheLimitAndSecretsInNamesAreLeftOut() throws {
        let names = (0..<300).map { "file:///tmp/\($0).ndjson" } + ["dlrover+http://u:hunter2secret@10.0.0.1:1"]
        let text = try text(sampleStatus(consumers: names))
        let heard = text.split(separator: "\n").filter { $0.hasPrefix("arobust_consumer_heard_at_seconds{") }
        #expect(heard.count == ConsumerMetrics.mostConsumers)
        #expect(!text.contains("hunter2secret"))
        #expect(text.utf8.count < 2 << 20)
    }

    @Test func aBridgeShowsItsOwnMastersAndNoLanes() throws {
        let samples = try page(sampleStatus(consumers: ["a", "b"]), isPublisher: false, masters: ["b"])
        #expect(Set(samples.compactMap { $0.labels["consumer"] }) == ["b"])
        #expect(samples.filter { $0.name.hasPrefix("arobust_consumer_") }.allSatisfy { $0.labels["publisher"] != nil })
        #expect(!samples.contains { $0.name.hasPrefix("arobust_lane_") || $0.name.hasPrefix("arobust_journal_") })
    }

    @Test func withoutAStateTheProcessStillShowsItself() {
        let samples = page(nil)
        #expect(samples.first { $0.name == "arobust_status_up" }?.value == 0)
        #expect(samples.contains { $0.name == "process_cpu_seconds_total" })
        #expect(!samples.contains { $0.name.hasPrefix("arobust_consumer_") })
    }
}

struct DocumentedMetricsTests {
    /// Every metric stands in a table of docs/monitoring.md, and none that there isn't.
    @Test func everyMetricIsInTheDocument() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/monitoring.md"), encoding: .utf8)
        var documented: Set<String> = []
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cell = line.split(separator: "|")[0]
            for part in cell.split(separator: "`") where part.hasPrefix("arobust_") || part.hasPrefix("process_") {
                documented.insert(String(part))
            }
        }
        let known = Set(MetricCatalog.help.keys).filter { !$0.hasPrefix("arobust_console_") }
        #expect(known.subtracting(documented).sorted() == [])
        #expect(documented.subtracting(known).sorted() == [])
    }
}
