/// A failure rule that a followed log has hit: the gauge `arobust_log_finding_seen_at_seconds`.
package struct LogFinding: Hashable, Sendable, Codable {
    /// The rule's id.
    package var rule: String
    /// What has happened, in a few words.
    package var title: String
    package var domain: String
    /// `root-cause`, `cascade`, `confirmation` or `information`.
    package var role: String
    /// The log with the last line that hit the rule.
    package var file: String
    /// When that line was read, in seconds since 1970.
    package var seen: Int64
    /// Which command read it: `agent`, `collect`.
    package var command: String

    var isRootCause: Bool { role == "root-cause" }

    /// - Returns: `nil` if it is another metric, or no time.
    init?(_ name: String, labels: [String: String], value: Double, command: String) {
        guard name == "arobust_log_finding_seen_at_seconds", value > 0,
            let seen = Int64(exactly: value.rounded())
        else { return nil }
        rule = labels["rule"] ?? ""
        title = labels["title"] ?? ""
        domain = labels["domain"] ?? ""
        role = labels["role"] ?? ""
        file = labels["file"] ?? ""
        self.seen = seen
        self.command = command
    }

    /// What an operator reads.
    func sentence(now: Int64) -> String {
        "\(HumanText.line(title)), \(HumanText.span(from: seen, to: now)) ago, in \(HumanText.line(file)) "
            + "(\(HumanText.line(rule)))"
    }
}

/// The failures in followed logs, for the head of a status; no lines without any.
struct FindingText {
    /// A root cause seen within this many seconds is marked.
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
