internal import Diagnosis

/// What values a setting takes, and how they are written: the same in files, environment and flags.
enum SettingKind: Sendable, Hashable {
    case text
    /// A word that may stand in a bus topic.
    case topicWord
    case choice([String])
    case number(ClosedRange<Int>)
    case toggle
    /// With a unit: `500ms`, `2s`, `10m`, `1h`.
    case duration(min: Duration)
    /// Bytes: `65536`, `64KiB`, `1MiB`, `2GiB`.
    case size(min: Int)
    /// Several of a kind: a YAML sequence, a flag given more than once, or one text with commas.
    indirect case list(SettingKind)

    /// What is allowed, to follow "must be".
    var rule: String {
        switch self {
        case .text: "a text that is not empty"
        case .topicWord: TopicWord.rule
        case .choice(let words): "one of " + words.joined(separator: ", ")
        case .number(let range):
            range.upperBound == Int.max
                ? "a whole number" : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .toggle: "true or false"
        case .duration(let min): "a duration with a unit (500ms, 2s, 10m, 1h) of at least \(DurationText.write(min))"
        case .size(let min): "a size in bytes (65536, 64KiB, 1MiB, 2GiB) of at least \(min)"
        case .list(let kind): "a list, each " + kind.rule
        }
    }

    func accepts(_ text: String) -> Bool {
        switch self {
        case .text: !text.isEmpty
        case .topicWord: TopicWord.isValid(text)
        case .choice(let words): words.contains(text)
        case .number(let range): Int(text).map(range.contains) ?? false
        case .toggle: text == "true" || text == "false"
        case .duration(let min): DurationText.read(text).map { $0 >= min } ?? false
        case .size(let min): SizeText.read(text).map { $0 >= min } ?? false
        case .list(let kind): kind.accepts(text)
        }
    }
}
