package import Diagnosis
internal import SystemSupport
package import ZMQBridge

/// Whether what every consumer says adds up: produced = delivered + skipped + lost + pending + unnoticed, lane by lane.
package struct Audit: Hashable, Sendable, Encodable {
    /// One lane of one consumer.
    package struct Row: Hashable, Sendable, Encodable {
        package var consumer: String
        package var dataType: DiagnosisDataType
        package var produced: UInt64
        /// `nil`: the consumer keeps no ledger. Then all up to its cursor counts as finished.
        package var delivered: UInt64?
        package var skipped: [String: UInt64]
        package var lost: [String: UInt64]
        package var pending: UInt64
        /// Gone before the consumer has noticed.
        package var unnoticed: [String: UInt64]
        /// Positive: so many are unaccounted for. Negative: so many more are accounted for than were produced.
        package var difference: Int64

        enum CodingKeys: String, CodingKey {
            case consumer
            case dataType = "data_type"
            case produced, delivered, skipped, lost, pending, unnoticed, difference
        }

        /// How many are lost, noticed or not.
        package var totalLost: UInt64 { ["lost": lost.total, "unnoticed": unnoticed.total].total }
    }

    package let publisher: String
    package let epoch: UInt64
    /// When the status was made, seconds since 1970.
    package let time: Int64
    package let rows: [Row]
    /// Whether nothing is unaccounted for, and nothing counted twice.
    package let isBalanced: Bool
    package let hasLosses: Bool

    enum CodingKeys: String, CodingKey {
        case publisher, epoch, time, rows
        case isBalanced = "balanced"
        case hasLosses = "has_losses"
    }

    package init(_ status: PublisherStatus) {
        publisher = status.publisher
        epoch = status.epoch
        time = status.time
        rows = status.consumers.sorted { $0.account.consumer < $1.account.consumer }.flatMap { consumer in
            consumer.standings.map { Row($0, consumer: consumer.account.consumer) }
        }
        isBalanced = rows.allSatisfy { $0.difference == 0 }
        hasLosses = rows.contains { $0.totalLost > 0 }
    }

    /// - Parameter isStrict: whether losses fail it too, though they are accounted for.
    package func isPassed(isStrict: Bool) -> Bool {
        isBalanced && !(isStrict && hasLosses)
    }
}

extension Audit.Row {
    init(_ lane: ConsumerStanding, consumer: String) {
        self.consumer = consumer
        dataType = lane.dataType
        produced = lane.standing?.produced ?? 0
        delivered = lane.account?.delivered
        skipped = lane.account?.skipped ?? [:]
        lost = lane.account?.lost ?? [:]
        pending = lane.pending
        unnoticed = lane.standing?.unnoticed ?? [:]
        // Wide enough for whatever a consumer says.
        let open = Int128(pending) + Int128(lane.unnoticed)
        let difference: Int128 =
            if lane.account == nil {
                0
            } else if let delivered {
                Int128(produced) - Int128(delivered) - Int128(lane.skipped) - Int128(lane.lost) - open
            } else {
                min(0, Int128(produced) - open)
            }
        self.difference = Int64(clamping: difference)
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
        guard !audit.rows.isEmpty else { return [] }
        var table = TextTable([
            .text("CONSUMER"), .text("LANE"), .number("PRODUCED"), .number("DELIVERED"), .number("SKIPPED"),
            .number("LOST"), .number("UNNOTICED"), .number("PENDING"), .number("DIFFERENCE"),
        ])
        for row in audit.rows {
            table.add([
                HumanText.line(row.consumer), HumanText.line(row.dataType.rawValue), "\(row.produced)",
                row.delivered.map { "\($0)" } ?? "-", "\(row.skipped.total)", "\(row.lost.total)",
                "\(row.unnoticed.total)", "\(row.pending)",
                row.difference > 0 ? "+\(row.difference)" : "\(row.difference)",
            ])
        }
        return table.lines()
    }

    private var findings: [String] {
        audit.rows.flatMap { row in
            let place = "\(HumanText.line(row.consumer)) \(HumanText.line(row.dataType.rawValue)): "
            var findings: [String] = []
            let isOne = row.difference.magnitude == 1
            let number = HumanText.count(row.difference.magnitude, "envelope")
            if row.difference > 0 { findings.append(place + "\(number) \(isOne ? "is" : "are") unaccounted for") }
            if row.difference < 0 {
                findings.append(place + "\(number) more \(isOne ? "is" : "are") accounted for than were produced")
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
        if audit.rows.isEmpty { return "No consumer has given an account here." }
        if !audit.isPassed(isStrict: isStrict) { return "BALANCED, WITH LOSSES: \(consumers)" }
        return "balanced\(audit.hasLosses ? ", with losses" : ""): \(consumers)"
    }
}
