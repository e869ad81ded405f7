internal import Diagnosis
internal import SystemSupport

/// How a value is written: the same in files, environment and flags.
package struct SettingFormat<Value: Sendable>: Sendable {
    /// What is allowed, to follow "must be".
    let rule: String
    /// `nil` for a text that is not allowed.
    let read: @Sendable (String) -> Value?
    /// As a person would write the value.
    let write: @Sendable (Value) -> String
    /// Whether a file may have a mapping in its place, which is then read as the JSON that means the same.
    var takesMappings = false
}

extension SettingFormat<String> {
    static var text: SettingFormat {
        SettingFormat(rule: "a text that is not empty", read: { $0.isEmpty ? nil : $0 }, write: { $0 })
    }

    /// What may stand in a header that a master is sent.
    static var printableText: SettingFormat {
        SettingFormat(
            rule: "a text of printable ASCII characters that is not empty",
            read: { text in
                !text.isEmpty && text.utf8.allSatisfy { (0x20...0x7E).contains($0) } ? text : nil
            }, write: { $0 })
    }

    /// A path that node_exporter's textfile collector would read.
    static var metricsFile: SettingFormat {
        SettingFormat(
            rule: "a file's path that ends with .prom",
            read: { text in text.hasSuffix(".prom") && !text.hasSuffix("/.prom") && text != ".prom" ? text : nil },
            write: { $0 })
    }

    /// A word that may stand in a bus topic.
    static var topicWord: SettingFormat {
        SettingFormat(rule: TopicWord.rule, read: { TopicWord.isValid($0) ? $0 : nil }, write: { $0 })
    }
}

extension SettingFormat where Value: Equatable {
    /// One of these words, each of which stands for a value.
    static func choice(_ choices: [(word: String, value: Value)]) -> SettingFormat {
        SettingFormat(
            rule: "one of " + choices.map(\.word).joined(separator: ", "),
            read: { text in choices.first { $0.word == text }?.value },
            // Only defaults are written, and a test reads every one again.
            write: { value in choices.first { $0.value == value }?.word ?? "\(value)" })
    }
}

extension SettingFormat<Bool> {
    static var toggle: SettingFormat {
        SettingFormat(rule: "true or false", read: { Bool($0) }, write: { "\($0)" })
    }
}

extension SettingFormat where Value: FixedWidthInteger {
    static func number(_ range: ClosedRange<Value>) -> SettingFormat {
        let isEvery = range == .min ... .max
        return SettingFormat(
            rule: isEvery ? "a whole number" : "a whole number from \(range.lowerBound) to \(range.upperBound)",
            read: { text in Value(text).flatMap { range.contains($0) ? $0 : nil } },
            write: { "\($0)" })
    }
}

extension SettingFormat<Int> {
    /// Bytes: `65536`, `64KiB`, `1MiB`, `2GiB`.
    static func size(min: Int, max: Int = 1 << 30) -> SettingFormat {
        SettingFormat(
            rule: "a size in bytes (65536, 64KiB, 1MiB, 2GiB) from \(SizeText.write(min)) to \(SizeText.write(max))",
            read: { text in SizeText.read(text).flatMap { $0 >= min && $0 <= max ? $0 : nil } },
            write: SizeText.write)
    }
}

extension SettingFormat<Duration> {
    /// With a unit: `500ms`, `2s`, `10m`, `1h`.
    static func duration(min: Duration, max: Duration = DurationText.longest) -> SettingFormat {
        let limits = "from \(DurationText.write(min)) to \(DurationText.write(max))"
        return SettingFormat(
            rule: "a duration with a unit (500ms, 2s, 10m, 1h) \(limits)",
            read: { text in DurationText.read(text).flatMap { $0 >= min && $0 <= max ? $0 : nil } },
            write: { duration in
                // 60s and 0s, like the other defaults in seconds; DurationText would write 1m and 0ms.
                duration == .zero || duration == .seconds(60)
                    ? "\(duration.components.seconds)s" : DurationText.write(duration)
            })
    }
}

extension SettingFormat<DiagnosisDataType> {
    /// The name of a data type: any, since other programs publish their own.
    static var dataType: SettingFormat {
        SettingFormat(
            rule: TopicWord.rule, read: { TopicWord.isValid($0) ? DiagnosisDataType(rawValue: $0) : nil },
            write: { $0.rawValue })
    }
}

/// What holds for one data type alone.
package struct TypeDuration: Sendable {
    let dataType: DiagnosisDataType
    let duration: Duration
}

extension SettingFormat<TypeDuration> {
    /// A data type with a duration: `XPU_TIMER_METRIC=5m`.
    static var typeDuration: SettingFormat {
        SettingFormat(
            rule: "a data type, an equals sign and a duration (XPU_TIMER_METRIC=5m)",
            read: { text in
                let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2, let dataType = SettingFormat<DiagnosisDataType>.dataType.read(parts[0]),
                    let duration = SettingFormat<Duration>.duration(min: .zero, max: .year).read(parts[1])
                else { return nil }
                return TypeDuration(dataType: dataType, duration: duration)
            },
            write: { "\($0.dataType.rawValue)=\(DurationText.write($0.duration))" })
    }
}

/// A label of the self-metrics.
package struct MetricLabel: Sendable {
    let name: String
    let value: String
}

extension SettingFormat<MetricLabel> {
    /// A label's name with its value: `job=7`. Prometheus keeps the names that begin with two underscores for itself.
    static var metricLabel: SettingFormat {
        SettingFormat(
            rule: "a label's name, an equals sign and a value (job=7)",
            read: { text in
                var line = PrometheusLine(Substring(text).utf8)
                guard let name = line.takeName(allowsColon: false), !name.hasPrefix("__"),
                    case let value = String(Substring(line.rest)),
                    value.hasPrefix("="), value.count > 1
                else { return nil }
                return MetricLabel(name: name, value: String(value.dropFirst()))
            },
            write: { "\($0.name)=\($0.value)" })
    }
}

extension Duration {
    static let year: Duration = .seconds(365 * 86400)
}
