import Diagnosis
import Foundation
import ZMQBridge

/// Made-up statuses, through JSON: that is how they arrive.
enum Samples {
    /// 2026-11-23T18:00:00Z
    static let now: Int64 = 1_795_456_800

    static func status() -> PublisherStatus {
        decode(
            """
            {"publisher": "01234567-89ab-cdef-0123-456789abcdef", "epoch": 3, "time": \(now),
             "journal": {"directory": "/state/journal", "bytes": \(512 << 20), "total_bytes": \(2 << 30),
                         "durability": "process-crash"},
             "lanes": [
                {"data_type": "TRAINING_LOG", "first": [2, 15], "last": [3, 120], "produced": 1200, "retained": 120,
                 "bytes": \(3 << 19), "oldest_time": \(now - 4000), "newest_time": \(now - 4)},
                {"data_type": "GENERIC", "last": [3, 5], "produced": 5, "retained": 0, "bytes": 0}],
             "losses": [], "consumers": []}
            """)
    }

    static func loss(
        _ type: DiagnosisDataType, _ first: UInt64, _ last: UInt64, _ reason: StreamGap.Reason
    ) -> PublisherStatus.Loss {
        decode(
            """
            {"data_type": "\(type)", "epoch": 2, "first": \(first), "last": \(last), "reason": "\(reason.rawValue)"}
            """)
    }

    static func account(
        _ type: DiagnosisDataType, delivered: UInt64?, skipped: [String: UInt64]? = nil, lost: [String: UInt64]? = nil
    ) -> ConsumerAccount.Lane {
        var lane = ConsumerAccount.Lane(dataType: type, through: LanePosition(epoch: 3, sequence: 50))
        lane.delivered = delivered
        lane.skipped = skipped
        lane.lost = lost
        return lane
    }

    static func standing(
        _ type: DiagnosisDataType, produced: UInt64, pending: UInt64, unnoticed: [String: UInt64] = [:]
    ) -> PublisherStatus.ConsumerLane {
        var lane: PublisherStatus.ConsumerLane = decode(
            """
            {"data_type": "\(type)", "produced": \(produced), "pending": \(pending), "pending_bytes": 2048,
             "pending_since": \(now - 35), "unnoticed": {}}
            """)
        lane.unnoticed = unnoticed
        return lane
    }

    /// - Parameter heard: seconds from now.
    static func consumer(
        _ name: String, heard: Int64, state: [String: String] = [:],
        lanes: [(ConsumerAccount.Lane?, PublisherStatus.ConsumerLane?)]
    ) -> PublisherStatus.Consumer {
        var consumer: PublisherStatus.Consumer = decode(
            #"{"account": {"consumer": "\#(name)"}, "heard": \#(now + heard), "lanes": []}"#)
        consumer.account.state = state
        consumer.account.lanes = lanes.compactMap(\.0)
        consumer.lanes = lanes.compactMap(\.1)
        return consumer
    }

    private static func decode<Value: Decodable>(_ json: String) -> Value {
        // Made in this file: if it doesn't decode, every test is wrong.
        // The JSON stands in the test: one that can't be read is the test's own fault, and should stop it.
        try! JSONDecoder().decode(Value.self, from: Data(json.utf8))
    }
}
