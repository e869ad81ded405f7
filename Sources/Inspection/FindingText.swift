/// What the followed logs had of failures, for the head of a status. Without any, nothing.
struct FindingText {
    /// A root cause that was seen within so many seconds is marked.
    static let freshTime: Int64 = 600
    /// How many root causes are shown.
    static let most = 3

    let telemetry: TelemetryFolder
    let now: Int64

    var lines: [String] {
        let rootCauses = telemetry.findings.filter(\.isRootCause)
        var lines = rootCauses.prefix(Self.most).map { finding in
            "\(isFresh(finding) ? "ROOT CAUSE" : "root cause") \(finding.sentence(now: now))"
        }
        if rootCauses.count > Self.most { lines.append("           and \(rootCauses.count - Self.most) more") }
        let counts = HumanText.counts(telemetry.findingCounts.mapValues(\.total))
        if !counts.isEmpty { lines.append("findings   \(counts)") }
        return lines
    }

    private func isFresh(_ finding: LogFinding) -> Bool { finding.seen > now - Self.freshTime }
}
