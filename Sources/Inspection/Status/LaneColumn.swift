package import Diagnosis
internal import SystemSupport
package import ZMQBridge

/// One lane of one consumer: what the consumer says of it beside what the publisher says of it. Every column is read from here.
package struct ConsumerLaneAccount: Hashable, Sendable {
    package let consumer: String
    package let dataType: DiagnosisDataType
    /// `nil`: the consumer has no account of the lane yet.
    package var fromConsumer: ConsumerAccount.Lane?
    /// `nil`: the publisher doesn't know the lane.
    package var fromPublisher: PublisherStatus.ConsumerLane?

    package var pending: UInt64 { fromPublisher?.pending ?? 0 }
    package var skipped: [String: UInt64] { fromConsumer?.skipped ?? [:] }
    package var lost: [String: UInt64] { fromConsumer?.lost ?? [:] }
    /// How many delivered envelopes came in calls of which the receiver rejected records. It does not say whose, so none has another fate.
    package var partlyRejected: [String: UInt64] {
        (fromConsumer?.changed ?? [:]).filter { $0.key == ReportOutcome.partlyRejected }
    }
    /// Gone before the consumer has noticed.
    package var unnoticed: [String: UInt64] { fromPublisher?.unnoticed ?? [:] }

    /// How many are lost, noticed or not.
    package var totalLost: UInt64 { ["lost": lost.total, "unnoticed": unnoticed.total].total }

    /// Produced less everything that is accounted for. Positive: so many are unaccounted for. Negative: so many more are accounted for
    /// than were produced.
    package var difference: Int64 {
        guard let fromConsumer else { return 0 }
        // Wide enough for whatever a consumer says.
        let open = Int128(pending) + Int128(unnoticed.total)
        let produced = Int128(fromPublisher?.produced ?? 0)
        guard let delivered = fromConsumer.delivered else {
            // It keeps no ledger: everything up to its cursor counts as finished.
            return Int64(clamping: min(0, produced - open))
        }
        let finished = Int128(delivered) + Int128(skipped.total) + Int128(lost.total)
        return Int64(clamping: produced - finished - open)
    }
}

extension PublisherStatus.Consumer {
    /// Every lane that either side speaks of, in the order of the names.
    package var laneAccounts: [ConsumerLaneAccount] {
        var all: [DiagnosisDataType: ConsumerLaneAccount] = [:]
        func empty(_ type: DiagnosisDataType) -> ConsumerLaneAccount {
            ConsumerLaneAccount(consumer: account.consumer, dataType: type)
        }
        for lane in account.lanes { all[lane.dataType, default: empty(lane.dataType)].fromConsumer = lane }
        for lane in lanes { all[lane.dataType, default: empty(lane.dataType)].fromPublisher = lane }
        return all.values.sorted { $0.dataType.rawValue < $1.dataType.rawValue }
    }
}

/// A column of the consumers' tables, declared once: its title, its value in a terminal, and in the JSON of an audit.
///
/// A new column is declared here and named in `status`, `audit` or both. The JSON of a status is the publisher's answer itself.
struct LaneColumn: Sendable {
    typealias Value = any Encodable & Sendable

    let title: String
    /// Numbers go to the right.
    let isNumber: Bool
    /// - Parameter now: the status's time, seconds since 1970.
    let text: @Sendable (_ lane: ConsumerLaneAccount, _ now: Int64) -> String
    /// The key in JSON, and what stands there; `nil` leaves the key out.
    var json: (key: String, value: @Sendable (ConsumerLaneAccount) -> Value?)?
    /// A sum's parts, which a status shows below its table under this label if they are not zero.
    var parts: (label: String, counts: @Sendable (ConsumerLaneAccount) -> [String: UInt64])?

    static let status = [lane, produced, delivered, skipped, lost, unnoticed, pending, behind, since]
    static let audit = [consumer, lane, produced, delivered, skipped, lost, unnoticed, pending, difference]

    static let consumer = text("CONSUMER", json: "consumer") { $0.consumer }
    static let lane = text("LANE", json: "data_type") { $0.dataType.rawValue }
    static let produced = number("PRODUCED", json: "produced") { $0.fromPublisher?.produced }
    static let delivered: LaneColumn = {
        var column = number("DELIVERED", json: "delivered") { $0.fromConsumer?.delivered }
        column.parts = ("within delivered", { lane in lane.partlyRejected })
        return column
    }()
    static let skipped = sum("SKIPPED", json: "skipped", label: "skipped") { $0.skipped }
    static let lost = sum("LOST", json: "lost", label: "lost") { $0.lost }
    static let unnoticed = sum("UNNOTICED", json: "unnoticed", label: "lost, not yet noticed") { $0.unnoticed }
    static let pending = number("PENDING", json: "pending") { $0.pending }
    static let behind = LaneColumn(title: "BEHIND", isNumber: true) { lane, _ in
        HumanText.bytes(lane.fromPublisher?.pendingBytes ?? 0)
    }
    static let since = LaneColumn(title: "SINCE", isNumber: true) { lane, now in
        lane.fromPublisher?.pendingSince.map { HumanText.span(from: $0, to: now) } ?? "-"
    }
    static let difference = LaneColumn(
        title: "DIFFERENCE", isNumber: true,
        text: { lane, _ in lane.difference > 0 ? "+\(lane.difference)" : "\(lane.difference)" },
        json: ("difference", { $0.difference }))

    private static func text(
        _ title: String, json key: String, _ read: @escaping @Sendable (ConsumerLaneAccount) -> String
    ) -> LaneColumn {
        LaneColumn(title: title, isNumber: false, text: { lane, _ in HumanText.line(read(lane)) }, json: (key, read))
    }

    /// A number that not everybody gives: `-` in a terminal, and no key in JSON.
    private static func number(
        _ title: String, json key: String, _ read: @escaping @Sendable (ConsumerLaneAccount) -> UInt64?
    ) -> LaneColumn {
        LaneColumn(
            title: title, isNumber: true, text: { lane, _ in read(lane).map { "\($0)" } ?? "-" }, json: (key, read))
    }

    /// A sum of counts by name, which JSON has one by one.
    private static func sum(
        _ title: String, json key: String, label: String,
        _ read: @escaping @Sendable (ConsumerLaneAccount) -> [String: UInt64]
    ) -> LaneColumn {
        LaneColumn(
            title: title, isNumber: true, text: { lane, _ in "\(read(lane).total)" }, json: (key, read),
            parts: (label, read))
    }
}

extension TextTable {
    /// A row for each lane.
    init(_ columns: [LaneColumn], of lanes: [ConsumerLaneAccount], now: Int64) {
        self.init(columns.map { $0.isNumber ? .number($0.title) : .text($0.title) })
        for lane in lanes { add(columns.map { $0.text(lane, now) }) }
    }
}

/// One object with the columns of an audit.
extension ConsumerLaneAccount: Encodable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for case let json? in LaneColumn.audit.map(\.json) {
            guard let value = json.value(self) else { continue }
            try container.encode(value, forKey: Key(stringValue: json.key))
        }
    }
}
