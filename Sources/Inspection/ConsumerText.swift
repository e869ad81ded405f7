internal import Diagnosis
internal import ZMQBridge

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
        let breaker = state.removeValue(forKey: ConsumerStateKey.breaker)
        let error = state.removeValue(forKey: ConsumerStateKey.lastError)
        let errorTime = state.removeValue(forKey: ConsumerStateKey.lastErrorTime).flatMap {
            MomentText.read($0, now: now)
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
        lines += state.sorted { $0.key < $1.key }.map { "\(HumanText.line($0.key)): \(HumanText.line($0.value))" }
        return lines
    }

    private var laneLines: [String] {
        let lanes = consumer.standings
        guard !lanes.isEmpty else { return ["No lane yet."] }
        var table = TextTable([
            .text("LANE"), .number("PRODUCED"), .number("DELIVERED"), .number("SKIPPED"), .number("LOST"),
            .number("UNNOTICED"), .number("PENDING"), .number("BEHIND"), .number("SINCE"),
        ])
        var details: [String] = []
        for lane in lanes {
            let standing = lane.standing
            table.add([
                HumanText.line(lane.dataType.rawValue), standing.map { "\($0.produced)" } ?? "-",
                lane.account?.delivered.map { "\($0)" } ?? "-", "\(lane.skipped)", "\(lane.lost)",
                "\(lane.unnoticed)", "\(lane.pending)", HumanText.bytes(standing?.pendingBytes ?? 0),
                standing?.pendingSince.map { HumanText.span(from: $0, to: now) } ?? "-",
            ])
            let name = HumanText.line(lane.dataType.rawValue)
            if lane.skipped > 0 { details.append("skipped \(name): \(HumanText.counts(lane.account?.skipped ?? [:]))") }
            if lane.lost > 0 { details.append("lost \(name): \(HumanText.counts(lane.account?.lost ?? [:]))") }
            if lane.unnoticed > 0 {
                details.append("lost, unnoticed yet \(name): \(HumanText.counts(standing?.unnoticed ?? [:]))")
            }
        }
        return table.lines() + details
    }
}
