internal import SystemSupport
internal import Telemetry
package import ZMQBridge

/// What the `*.prom` files of a folder say: which processes run, what alarms they raise, and what they found in logs.
package struct TelemetryFolder: Hashable, Sendable {
    /// A running process writes its file every few seconds; one that has not for this many seconds was killed.
    static let longestSilence: Int64 = 120
    /// Far more than our own files ever have.
    private static let mostBytes = 16 << 20

    package private(set) var alarms: [Alarm] = []
    /// The commands that have ended, well or not.
    package private(set) var notRunning: [String] = []
    /// The failure rules that matched in followed logs, the latest first; also those of a process that has ended, since they may say why.
    package private(set) var findings: [LogFinding] = []
    /// How many hits there were, by domain and role.
    package private(set) var findingCounts: [String: [String: UInt64]] = [:]
    /// How the trainings of running processes go: those that stand still first, then by rank and file.
    package private(set) var trainings: [TrainingStatus] = []
    /// What running processes have read of the logs they follow.
    package private(set) var logs: [LogReading] = []

    /// What was taken out of contents before they were published, by rule.
    package private(set) var redacted: [String: UInt64] = [:]

    /// Nothing is known.
    package init() {}

    /// Reads all files of a state directory's folder, by name; those that can't be read, or are not ours, are left out. The folder
    /// need not exist.
    ///
    /// - Parameter now: in seconds since 1970.
    package init(of directory: StateDirectory, now: Int64) {
        self.init(path: TelemetryFile.directory(in: directory.path), now: now)
    }

    init(path: String, now: Int64) {
        let names = (try? Directory(path: path).names()) ?? []
        for name in names where name.hasSuffix(".prom") {
            guard let text = Self.text(of: "\(path)/\(name)") else { continue }
            add(text, command: String(name.dropLast(5)), now: now)
        }
        trainings.sort { $0.order < $1.order }
        findings.sort { ($1.seen, $0.rule, $0.command) < ($0.seen, $1.rule, $1.command) }
    }

    private mutating func add(_ text: String, command: String, now: Int64) {
        let samples = text.split(separator: "\n").compactMap { PrometheusSample($0) }
        func first(_ name: String) -> Double? { samples.first { $0.name == name }?.value }
        guard let up = first("arobust_up"), let time = first("arobust_telemetry_written_at_seconds") else { return }
        for sample in samples { addFinding(sample, command: command) }
        guard up == 1, Double(now) - time <= Double(Self.longestSilence) else {
            notRunning.append(command)
            return
        }
        trainings += TrainingStatus.all(in: samples, command: command)
        if let reading = LogReading(samples, written: Int64(exactly: time.rounded()) ?? now, command: command) {
            logs.append(reading)
        }
        for sample in samples where sample.name == "arobust_alarm" && sample.value == 1 {
            let since = samples.first {
                $0.name == "arobust_alarm_began_at_seconds" && $0.value > 0
                    && $0.labels["name"] == sample.labels["name"] && $0.labels["source"] == sample.labels["source"]
            }
            alarms.append(
                Alarm(
                    name: sample.labels["name"] ?? "", source: sample.labels["source"] ?? "",
                    reason: sample.labels["reason"] ?? "", since: since.flatMap { Int64(exactly: $0.value.rounded()) },
                    command: command))
        }
    }

    private mutating func addFinding(_ sample: PrometheusSample, command: String) {
        if let finding = LogFinding(sample.name, labels: sample.labels, value: sample.value, command: command) {
            findings.append(finding)
        } else if sample.name == "arobust_log_findings_total", sample.value > 0, sample.value < 0x1p40 {
            // A file has fewer than 2^20 samples, so their sum does not overflow.
            let (domain, role) = (sample.labels["domain"] ?? "", sample.labels["role"] ?? "")
            findingCounts[domain, default: [:]][role, default: 0] += UInt64(sample.value)
        } else if sample.name == "arobust_redacted_total", sample.value > 0, sample.value < 0x1p40 {
            redacted[sample.labels["rule"] ?? "", default: 0] += UInt64(sample.value)
        }
    }

    private static func text(of path: String) -> String? {
        guard let bytes = try? WholeFile(path: path).read(limit: mostBytes + 1, followsLinks: false),
            bytes.count <= mostBytes
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
