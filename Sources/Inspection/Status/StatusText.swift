internal import Delivery
internal import Diagnosis
internal import SystemSupport
package import ZMQBridge

/// A publisher's status for a terminal: what an operator needs to see in ten seconds.
package struct StatusText {
    /// A consumer that has not reported for more seconds is marked.
    static let longestSilence: Int64 = 10

    private let status: PublisherStatus
    private let telemetry: TelemetryFolder

    package init(_ status: PublisherStatus, telemetry: TelemetryFolder = TelemetryFolder()) {
        self.status = status
        self.telemetry = telemetry
    }

    package var lines: [String] {
        var lines = head
        lines.append("")
        lines += laneLines
        lines += lossLines
        for refusal in status.refused ?? [] where refusal.isMaster { lines += ["", "REFUSED    \(refusal.sentence)"] }
        for consumer in status.consumers.sorted(by: { $0.account.consumer < $1.account.consumer }) {
            lines.append("")
            lines += ConsumerText(consumer, now: status.time).lines
        }
        if status.consumers.isEmpty { lines += ["", "No consumer has given its name here."] }
        return lines
    }

    private var head: [String] {
        let journal = status.journal
        let share = journal.totalBytes > 0 ? Int(100 * Double(journal.bytes) / Double(journal.totalBytes)) : 0
        var lines = [
            "publisher  \(HumanText.line(status.publisher))  epoch \(status.epoch)  at \(TimeText.write(status.time))",
            "journal    \(HumanText.line(journal.directory))",
            "           \(HumanText.bytes(journal.bytes)) of \(HumanText.bytes(journal.totalBytes)) (\(share) %), "
                + "outlives a \(HumanText.line(journal.durability).split(separator: "-").joined(separator: " "))",
        ]
        for (index, address) in (status.listening ?? []).enumerated() {
            lines.append("\(index == 0 ? "listening" : "         ")  \(HumanText.line(address))")
        }
        if let problem = journal.problem { lines.append("PROBLEM    the journal: \(HumanText.line(problem))") }
        return lines + networkLines + settingsLines + telemetryLines
    }

    private var networkLines: [String] {
        guard let network = status.network else { return [] }
        return [
            "network    \(network.addresses.map { HumanText.line($0) }.joined(separator: ", replays at "))",
            "           public key \(Self.key(network.publicKey)), \(network.keys) authorized, "
                + "\(network.connections) connections",
            "           \(network.refused) refused for their key, \(network.unproved) ended before they had proved who they are, "
                + "\(network.closed) closed for a limit",
        ]
    }

    /// Any character may be in a key, also what would hide some of it as a password.
    private static func key(_ text: String) -> String { CurveKey(text)?.text ?? HumanText.line(text) }

    private var settingsLines: [String] {
        guard let settings = status.settings else { return [] }
        var lines = ["settings   read at \(TimeText.write(settings.readAt))"]
        if let failedAt = settings.failedAt {
            lines.append("PROBLEM    settings of \(TimeText.write(failedAt)) are not in force, or not all of them:")
            lines += settings.errors.map { "           \(HumanText.line($0))" }
        }
        lines += settings.restart.map { "RESTART    waits for one: \(HumanText.line($0))" }
        return lines
    }

    private var telemetryLines: [String] {
        telemetry.alarms.map { "ALARM      \($0.sentence)" }
            + telemetry.notRunning.map { "not running: \(HumanText.line($0))" }
            + FindingText(telemetry: telemetry, now: status.time).lines
            + TrainingText(telemetry: telemetry, now: status.time).lines
            + telemetry.logs.compactMap(\.sentence).map { "reading    \($0)" }
            + [HumanText.counts(telemetry.redacted)].filter { !$0.isEmpty }.map { "redacted   \($0)" }
    }

    private var laneLines: [String] {
        guard !status.lanes.isEmpty else { return ["Nothing has been published here."] }
        var table = TextTable([
            .text("LANE"), .number("FIRST"), .number("LAST"), .number("PRODUCED"), .number("RETAINED"),
            .number("BYTES"), .number("NEWEST"),
        ])
        for lane in status.lanes.sorted(by: { $0.dataType.rawValue < $1.dataType.rawValue }) {
            table.add([
                HumanText.line(lane.dataType.rawValue), lane.first.map { "\($0)" } ?? "-", "\(lane.last)",
                "\(lane.produced)", "\(lane.retained)", HumanText.bytes(lane.bytes),
                lane.newestTime.map { HumanText.span(from: $0, to: status.time) + " ago" } ?? "-",
            ])
        }
        return table.lines
    }

    /// One line for each lane and reason; there may be thousands of ranges.
    private var lossLines: [String] {
        struct Kind: Hashable {
            var lane: String
            var reason: String
        }
        var all: [Kind: (count: UInt64, last: LanePosition)] = [:]
        for loss in status.losses where loss.last >= loss.first {
            let kind = Kind(lane: loss.dataType.rawValue, reason: loss.reason.rawValue)
            let last = LanePosition(epoch: loss.epoch, sequence: loss.last)
            let known = all[kind]
            all[kind] = (
                count: (known?.count ?? 0) &+ (loss.last - loss.first) &+ 1, last: max(known?.last ?? last, last)
            )
        }
        guard !all.isEmpty else { return [] }
        return [""]
            + all.sorted { ($0.key.lane, $0.key.reason) < ($1.key.lane, $1.key.reason) }.map { kind, loss in
                "gone from the journal: \(HumanText.line(kind.lane)) \(loss.count) \(HumanText.line(kind.reason)), "
                    + "up to \(loss.last)"
            }
    }
}

/// One consumer in the text of a status.
struct ConsumerText {
    private static let indent = "  "

    let consumer: PublisherStatus.Consumer
    let now: Int64

    init(_ consumer: PublisherStatus.Consumer, now: Int64) {
        self.consumer = consumer
        self.now = now
    }

    var lines: [String] {
        [HumanText.line(consumer.account.consumer)] + (stateLines + laneLines).map { Self.indent + $0 }
    }

    private var stateLines: [String] {
        var state = consumer.account.state
        let breaker = state.removeValue(forKey: ConsumerStateKey.breaker.rawValue)
        let error = state.removeValue(forKey: ConsumerStateKey.lastError.rawValue)
        let errorTime = state.removeValue(forKey: ConsumerStateKey.lastErrorTime.rawValue).flatMap {
            TimeText.read($0, now: now)
        }
        let heard = "last heard \(HumanText.span(from: consumer.heard, to: now)) ago"
        let (silence, _) = now.subtractingReportingOverflow(consumer.heard)
        let isSilent = silence > StatusText.longestSilence
        var lines = [
            (breaker.map { "breaker \(HumanText.line($0)), " } ?? "") + (isSilent ? "SILENT: \(heard)" : heard)
        ]
        if let error, !error.isEmpty {
            let age = errorTime.map { ", \(HumanText.span(from: $0, to: now)) ago" } ?? ""
            lines.append("last error\(age): \(HumanText.line(error))")
        }
        if let pace { lines.append(pace) }
        lines += state.sorted { $0.key < $1.key }.map { "\(HumanText.line($0.key)): \(HumanText.line($0.value))" }
        return lines
    }

    /// How long what is pending takes, while it is worked off.
    private var pace: String? {
        let pending = consumer.lanes.reduce(UInt64(0)) { $0 &+ $1.pending }
        guard pending > 0, let pace = consumer.pace else { return nil }
        let rates =
            "pending \(pending), \(HumanText.rate(pace.finishedPerSecond)) finished, "
            + "\(HumanText.rate(pace.publishedPerSecond)) published"
        guard let left = pace.secondsLeft else { return rates + ": it does not get less" }
        return rates + ": about \(HumanText.span(from: 0, to: Int64(max(1, min(left, 1e12)).rounded()))) left"
    }

    private var laneLines: [String] {
        let lanes = consumer.laneAccounts
        guard !lanes.isEmpty else { return ["No lane yet."] }
        let details = lanes.flatMap { lane in
            LaneColumn.status.compactMap { column -> String? in
                guard let parts = column.parts, case let counts = parts.counts(lane), counts.total > 0 else {
                    return nil
                }
                return "\(parts.label) \(HumanText.line(lane.dataType.rawValue)): \(HumanText.counts(counts))"
            }
        }
        return TextTable(LaneColumn.status, of: lanes, now: now).lines + details
    }
}
