internal import Collectors
internal import CoreMetrics
internal import Diagnosis
internal import FailureDiagnosis
internal import Hang
internal import Logging
internal import TrainingProgress

/// What sees the lines of the followed logs: the failure rules, and what learns how the trainings go. Each is kept as long as the settings
/// and the files that it was made from are the same.
struct LogReaders: Sendable {
    /// The failure rules, and what they were made of.
    struct Rules: Sendable {
        let watch: LogWatch
        let table: RuleTable
        let settle: Duration
    }

    /// `nil`: no log is followed, or `diagnosis.stream` is false.
    private(set) var rules: Rules?
    private(set) var progress: ProgressParts?
    /// Whether one of them is not the same as before.
    private(set) var areOther = false

    /// - Parameter earlier: those up to now.
    /// - Throws: `SettingsError` with the file and line, and what is allowed.
    static func make(
        of settings: AgentSettings, after earlier: LogReaders? = nil, in surroundings: CollectorSurroundings
    ) throws(SettingsError) -> LogReaders {
        var readers = LogReaders()
        if settings.values[\.diagnosis.stream], !settings.logSelection.isEmpty {
            let (table, settle) = (try settings.ruleTable(), settings.values[\.diagnosis.settle])
            if let rules = earlier?.rules, rules.table == table, rules.settle == settle {
                readers.rules = rules
            } else {
                let watch = LogWatch(
                    rules: table, settle: settle, observer: surroundings.observer, logger: surroundings.logger,
                    factory: surroundings.factory)
                readers.rules = Rules(watch: watch, table: table, settle: settle)
            }
        }
        readers.progress = try ProgressParts.make(of: settings, after: earlier?.progress, in: surroundings)
        readers.areOther = earlier.map { $0.name != readers.name } ?? false
        return readers
    }

    /// Another one for other readers.
    var name: String {
        "\(rules.map { "\(ObjectIdentifier($0.watch))" } ?? "-") \(progress?.name ?? "-")"
    }

    /// `nil`: nobody sees the lines.
    var observer: (any LogObserver)? {
        var observers: [any LogObserver] = []
        if let rules { observers.append(rules.watch) }
        if let progress { observers.append(progress.watch) }
        return observers.count > 1 ? LogObservers(observers) : observers.first
    }

    /// Takes over from those before, which see no further line.
    func replace(_ earlier: LogReaders) {
        if let old = earlier.rules, let rules, rules.watch !== old.watch { rules.watch.follow(old.watch) }
        if let old = earlier.progress, old.watch !== progress?.watch { old.watch.retire() }
    }

    /// What has other contents, though the settings may be the same.
    func differences(from earlier: LogReaders) -> [String] {
        guard let old = earlier.rules, let rules, old.table != rules.table else { return [] }
        return ["the failure rules: \(old.table.rules.count) -> \(rules.table.rules.count)"]
    }
}
