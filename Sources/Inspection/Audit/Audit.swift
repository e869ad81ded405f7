internal import Diagnosis
internal import SystemSupport
package import ZMQBridge

/// Whether every consumer's account adds up: produced = delivered + skipped + lost + pending + unnoticed, lane by lane.
package struct Audit: Hashable, Sendable, Encodable {
    package let publisher: String
    package let epoch: UInt64
    /// When the status was made, seconds since 1970.
    package let time: Int64
    /// By consumer and lane.
    package let rows: [ConsumerLaneAccount]
    /// Whether nothing is unaccounted for, and nothing counted twice.
    package let isBalanced: Bool
    package let hasLosses: Bool
    /// Masters whose present account is not in the rows, since the publisher does not take it.
    package let refused: [PublisherStatus.Refusal]

    enum CodingKeys: String, CodingKey {
        case publisher, epoch, time, rows, refused
        case isBalanced = "balanced"
        case hasLosses = "has_losses"
    }

    package init(_ status: PublisherStatus) {
        publisher = status.publisher
        epoch = status.epoch
        time = status.time
        rows = status.consumers.sorted { $0.account.consumer < $1.account.consumer }.flatMap(\.laneAccounts)
        isBalanced = rows.allSatisfy { $0.difference == 0 }
        hasLosses = rows.contains { $0.totalLost > 0 }
        refused = (status.refused ?? []).filter(\.isMaster)
    }

    /// - Parameter isStrict: whether losses fail it too, though they are accounted for.
    package func isPassed(isStrict: Bool) -> Bool {
        isBalanced && refused.isEmpty && !(isStrict && hasLosses)
    }
}

/// An audit for a terminal: the table, then what is wrong, then the verdict.
package struct AuditText {
    private let audit: Audit
    private let isStrict: Bool

    package init(_ audit: Audit, isStrict: Bool) {
        self.audit = audit
        self.isStrict = isStrict
    }

    package var lines: [String] {
        ["publisher  \(HumanText.line(audit.publisher))  epoch \(audit.epoch)  at \(TimeText.write(audit.time))"]
            + table + findings + [verdict]
    }

    private var table: [String] {
        audit.rows.isEmpty ? [] : TextTable(LaneColumn.audit, of: audit.rows, now: audit.time).lines
    }

    private var findings: [String] {
        audit.refused.map(\.sentence)
            + audit.rows.flatMap { row in
                let place = "\(HumanText.line(row.consumer)) \(HumanText.line(row.dataType.rawValue)): "
                var findings: [String] = []
                let isOne = row.difference.magnitude == 1
                let number = HumanText.count(row.difference.magnitude, "envelope")
                if row.difference > 0 { findings.append(place + "\(number) \(isOne ? "is" : "are") unaccounted for") }
                if row.difference < 0 {
                    findings.append(place + "\(number) more \(isOne ? "is" : "are") accounted for than were produced")
                }
                if row.partlyRejected.total > 0 {
                    findings.append(
                        place
                            + "within delivered: \(HumanText.counts(row.partlyRejected)); the receiver does not say which"
                    )
                }
                if row.lost.total > 0 { findings.append(place + "lost: \(HumanText.counts(row.lost))") }
                if row.unnoticed.total > 0 {
                    findings.append(
                        place
                            + "no longer in the journal, and lost unless the consumer holds them: \(HumanText.counts(row.unnoticed))"
                    )
                }
                return findings
            }
    }

    private var verdict: String {
        let consumers = HumanText.count(UInt64(Set(audit.rows.map(\.consumer)).count), "consumer")
        if !audit.isBalanced { return "NOT BALANCED" }
        if !audit.refused.isEmpty { return "NOT COMPLETE" }
        if audit.rows.isEmpty { return "No consumer has given an account here." }
        if !audit.isPassed(isStrict: isStrict) { return "BALANCED, WITH LOSSES: \(consumers)" }
        return "balanced\(audit.hasLosses ? ", with losses" : ""): \(consumers)"
    }
}
