package import CoreMetrics
package import Diagnosis
private import Synchronization

/// Takes secrets out of what is published, before it is journalled and sent: whatever of a metric's content a rule matches.
///
/// Positions in logs, times and counts of lines stay what they were. May be called from any thread.
package final class Redactor: Sendable {
    /// Where in a private key a log is, after the text that ended at `position`.
    private struct KeyState {
        var position: [UInt8]
        /// `KeyBlock.linesLeft` before that text and after it.
        var before: Int
        var after: Int
    }

    /// Of how many logs it is kept that a key has begun.
    private static let mostKeys = 10_000

    private let rules: [RedactionRule]
    private let counters: [String: Counter]
    private let texts = Mutex<[DiagnosisDataType: TextRedaction]>([:])
    private let keys = Mutex<[String: KeyState]>([:])

    /// - Parameters:
    ///   - rules: applied in their order, each to what the ones before it have left.
    ///   - factory: makes `arobust_redacted_total`.
    package init(_ rules: [RedactionRule], factory: any MetricsFactory = MetricsSystem.factory) {
        self.rules = rules
        var counters: [String: Counter] = [:]
        for name in Set(rules.map(\.name)) {
            counters[name] = Counter(label: "arobust_redacted_total", dimensions: [("rule", name)], factory: factory)
        }
        self.counters = counters
    }

    /// The metrics as they may be published.
    ///
    /// - Parameter position: the one in their source that follows them: a private key may go on in the next. The same metrics may come again
    ///   with the same position.
    package func redacted(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) -> [WorkerTrainingMetric] {
        var keyLinesLeft = position.map(linesLeft(before:)) ?? 0
        let before = keyLinesLeft
        var metrics = metrics
        for index in metrics.indices {
            let isOfSource = position != nil && metrics[index].dataType == .trainingLog
            var left = isOfSource ? keyLinesLeft : 0
            if let content = redacted(metrics[index].dataContent, of: metrics[index].dataType, &left) {
                metrics[index].dataContent = content
            }
            if isOfSource { keyLinesLeft = left }
        }
        if let position { record(position, before: before, after: keyLinesLeft) }
        return metrics
    }

    /// A text as it may be published; `nil`: as it is.
    package func redacted(_ content: String, of type: DiagnosisDataType) -> String? {
        var left = 0
        return redacted(content, of: type, &left)
    }

    private func redacted(_ content: String, of type: DiagnosisDataType, _ keyLinesLeft: inout Int) -> String? {
        let redaction = texts.withLock { texts in
            // Types are names that anybody may give.
            if texts.count > 256 { texts = [:] }
            if let known = texts[type] { return known }
            let made = TextRedaction(rules, for: type)
            texts[type] = made
            return made
        }
        guard !redaction.isEmpty else { return nil }
        let bytes = Array(content.utf8)
        var counts: [Int: Int] = [:]
        let changed: [UInt8]?
        // Lines of a log are text, also where a program writes objects.
        if type != .trainingLog, JSONRedaction.isJSON(bytes) {
            changed = JSONRedaction.apply(to: bytes) { text in
                let outcome = redaction.apply(to: text)
                counts.merge(outcome.counts, uniquingKeysWith: +)
                return outcome.text
            }
        } else {
            let outcome = redaction.apply(to: bytes, keyLinesLeft: keyLinesLeft)
            (changed, counts, keyLinesLeft) = (outcome.text, outcome.counts, outcome.keyLinesLeft)
        }
        for (rule, count) in counts { counters[rules[rule].name]?.increment(by: count) }
        return changed.map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: keys over several texts

    private func linesLeft(before position: SourcePosition) -> Int {
        keys.withLock { keys in
            guard let state = keys[position.key] else { return 0 }
            // The text that could not be published comes again.
            return state.position == position.bytes ? state.before : state.after
        }
    }

    private func record(_ position: SourcePosition, before: Int, after: Int) {
        keys.withLock { keys in
            guard before > 0 || after > 0 else { return _ = keys.removeValue(forKey: position.key) }
            guard keys.count < Self.mostKeys || keys[position.key] != nil else { return }
            keys[position.key] = KeyState(position: position.bytes, before: before, after: after)
        }
    }
}
