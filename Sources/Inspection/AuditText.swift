internal import Diagnosis

/// An audit for a terminal: the table, then what is wrong, then the verdict.
public struct AuditText {
    private let audit: Audit
    private let isStrict: Bool

    public init(_ audit: Audit, isStrict: Bool) {
        self.audit = audit
        self.isStrict = isStrict
    }

    public var lines: [String] {
        ["publisher  \(HumanText.line(audit.publisher))  epoch \(audit.epoch)  at \(MomentText.write(audit.time))"]
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
