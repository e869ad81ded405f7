internal import SystemSupport
internal import Telemetry

/// How a training goes, as a process that follows its log says: the gauges `arobust_training_…`.
package struct TrainingStatus: Hashable, Sendable, Codable {
    /// The log that tells.
    package var file: String
    /// The global rank, where it is known.
    package var rank: Int?
    package var step: Double?
    package var epoch: Double?
    /// How long a step takes, in seconds.
    package var stepSeconds: Double?
    /// When the last step was read, in seconds since 1970.
    package var seen: Int64?
    /// From 0 to 1.
    package var goodput: Double?
    package var tokensPerSecond: Double?
    package var restarts: Int
    package var isSilent: Bool
    package var isSlow: Bool
    package var isFinished: Bool
    /// Which command reads the log: `agent`, `collect`.
    package var command: String

    enum CodingKeys: String, CodingKey {
        case file, rank, step, epoch, seen, goodput, restarts, command
        case stepSeconds = "step_seconds"
        case tokensPerSecond = "tokens_per_second"
        case isSilent = "silent"
        case isSlow = "slow"
        case isFinished = "finished"
    }

    private static let prefix = "arobust_training_"
    private static let most = 1000

    /// The trainings in a process's self-metrics.
    static func all(in samples: [PrometheusSample], command: String) -> [TrainingStatus] {
        var values: [[String: String]: [String: Double]] = [:]
        for sample in samples where sample.name.hasPrefix(prefix) && sample.value.isFinite && values.count < most {
            let labels = sample.labels.filter { ["file", "rank"].contains($0.key) }
            values[labels, default: [:]][String(sample.name.dropFirst(prefix.count))] = sample.value
        }
        return values.map { labels, values in
            TrainingStatus(
                file: labels["file"] ?? "", rank: labels["rank"].flatMap { Int($0) }, step: values["step"],
                epoch: values["epoch"], stepSeconds: values["step_seconds"],
                seen: values["step_seen_at_seconds"].flatMap { Int64(exactly: $0.rounded()) },
                goodput: values["goodput_ratio"], tokensPerSecond: values["tokens_per_second"],
                restarts: Int(exactly: (values["restarts_total"] ?? 0).rounded()) ?? 0, isSilent: values["silent"] == 1,
                isSlow: values["slow"] == 1, isFinished: values["finished"] == 1, command: command)
        }
    }

    /// What matters most comes first.
    var order: (Int, Int, String, String) {
        (isSilent ? 0 : isSlow ? 1 : isFinished ? 3 : 2, rank ?? .max, file, command)
    }

    /// What an operator reads.
    func sentence(now: Int64) -> String {
        var parts: [String] = []
        if let step {
            parts.append("step \(Self.number(step))" + (epoch.map { " of epoch \(Self.number($0))" } ?? ""))
        } else if let epoch {
            parts.append("epoch \(Self.number(epoch))")
        } else {
            parts.append("no step yet")
        }
        if let seen { parts[0] += " \(HumanText.span(from: seen, to: now)) ago" }
        if let stepSeconds { parts.append("\(Self.rounded(stepSeconds)) s a step") }
        if let tokensPerSecond { parts.append("\(Self.number(tokensPerSecond.rounded())) tokens/s") }
        if let goodput { parts.append("goodput \(Int((goodput * 100).rounded(.down))) %") }
        if restarts > 0 { parts.append(HumanText.count(UInt64(restarts), "restart")) }
        if isFinished { parts.append("ended") }
        let who = rank.map { "rank \($0): " } ?? ""
        return who + parts.joined(separator: ", ") + ", in \(HumanText.line(file))"
    }

    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    static func rounded(_ seconds: Double) -> String {
        seconds < 10 ? "\((seconds * 1000).rounded() / 1000)" : "\((seconds * 10).rounded() / 10)"
    }
}

/// The trainings for the head of a status; no lines without any.
struct TrainingText {
    /// How many are shown: those that stand still or are slow come first.
    static let most = 8

    let telemetry: TelemetryFolder
    let now: Int64

    var lines: [String] {
        let trainings = telemetry.trainings
        var lines = trainings.prefix(Self.most).map { training in
            let mark = training.isSilent ? "SILENT     " : training.isSlow ? "SLOW       " : "training   "
            return mark + training.sentence(now: now)
        }
        if trainings.count > Self.most { lines.append("           and \(trainings.count - Self.most) more") }
        return lines
    }
}
