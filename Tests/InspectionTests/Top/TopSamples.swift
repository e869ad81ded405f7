import Diagnosis
import Foundation
import TestSupport
import ZMQBridge

@testable import Inspection

/// A look at a node on which everything is to be seen.
struct TopSamples {
    static let master = "dlrover+grpc://10.0.0.1:50001"

    private let folder = ScratchFolder()

    /// - Parameters:
    ///   - seconds: after the first look.
    ///   - unread: of `/logs/a.log`, in bytes.
    func look(seconds: Int64 = 0, delivered: UInt64 = 1000, unread: Int = 0) throws -> TopLook {
        var status = Samples.status()
        status.time += seconds
        status.lanes[0].produced += UInt64(seconds) * 10
        status.lanes[0].publishedBytes = UInt64(seconds) * 2048
        var standing = Samples.standing(.trainingLog, produced: 1200, pending: 190)
        standing.pendingBytes = 2048
        let account = Samples.account(.trainingLog, delivered: delivered, lost: ["evicted": 2])
        var first = Samples.consumer(
            Self.master, heard: -1 + seconds,
            state: [
                "breaker": "open", "last_error": "connection\u{1B}refused", "last_error_time": "\(Samples.now - 200)",
            ], lanes: [(account, standing)])
        first.pace = try JSONDecoder().decode(
            PublisherStatus.Pace.self,
            from: Data(#"{"finished_per_second": 20, "published_per_second": 10, "seconds_left": 19}"#.utf8))
        status.consumers = [
            first,
            Samples.consumer("file:///copy.ndjson", heard: -1 + seconds, state: ["breaker": "closed"], lanes: []),
        ]
        try folder.write(
            """
            arobust_up 1
            arobust_telemetry_written_at_seconds \(Samples.now + seconds)
            arobust_log_lines_total{file="/logs/a.log"} \(100 + 50 * seconds)
            arobust_log_bytes_total{file="/logs/a.log"} \(4096 * (seconds + 1))
            arobust_log_file_unread_bytes{file="/logs/a.log"} \(unread)
            arobust_log_unread_bytes \(unread)
            arobust_log_remaining_seconds \(unread > 0 ? 90 : 0)
            arobust_training_step{file="/logs/a.log",rank="0"} 120
            arobust_training_step_seconds{file="/logs/a.log",rank="0"} 0.25
            arobust_training_step_seen_at_seconds{file="/logs/a.log",rank="0"} \(Samples.now - 3)
            arobust_training_goodput_ratio{file="/logs/a.log",rank="0"} 0.97
            arobust_training_silent{file="/logs/b.log",rank="1"} 1
            arobust_training_step{file="/logs/b.log",rank="1"} 7
            arobust_log_finding_seen_at_seconds{rule="cuda-oom",title="CUDA memory",role="root-cause",file="/logs/b.log"} \(Samples.now - 30)

            """, to: "agent.prom")
        var look = TopLook(at: Double(seconds), time: status.time)
        look.reports = [
            StatusReport(
                status, telemetry: TelemetryFolder(path: folder.path, now: status.time),
                problems: ["the ledger of x can't be written"])
        ]
        look.lastLines = ["/logs/a.log": "step 120 \u{1B}[31mloss 2.5 token=hunter2hunter2"]
        return look
    }

    /// After two looks, ten seconds apart.
    func frame(unread: Int = 0) throws -> TopFrame {
        var rates = TopRates()
        _ = TopFrame(try look(unread: unread * 3), rates: &rates)
        return TopFrame(try look(seconds: 10, delivered: 1050, unread: unread), rates: &rates)
    }
}
