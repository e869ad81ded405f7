internal import Diagnosis
internal import SystemSupport

/// One setting: its name in the file, what it takes, and what it is without being set.
struct SettingDefinition: Sendable {
    /// Dotted, as nested in the file: `metrics.interval`.
    let key: String
    let kind: SettingKind
    /// As it would be written; `nil`: not set.
    let standard: String?
    /// What it does, for `arobust config show`.
    let help: String

    init(_ key: String, _ kind: SettingKind, standard: String? = nil, _ help: String) {
        self.key = key
        self.kind = kind
        self.standard = standard
        self.help = help
    }

    /// `AROBUST_METRICS_INTERVAL` for `metrics.interval`.
    var environmentName: String {
        "AROBUST_" + key.uppercased().map { $0 == "." || $0 == "-" ? "_" : String($0) }.joined()
    }
}

/// A setting from the command line.
public struct SettingFlag: Sendable, Hashable {
    let key: String
    let name: String
    let texts: [String]

    /// - Parameters:
    ///   - key: the setting's key, `masters` for masters.
    ///   - name: the flag as the user wrote it, for error texts.
    ///   - texts: its values; none if the flag was not given.
    public init(key: String, name: String, texts: [String]) {
        self.key = key
        self.name = name
        self.texts = texts
    }
}

/// What values a setting takes, and how they are written: the same in files, environment and flags.
enum SettingKind: Sendable, Hashable {
    case text
    /// What may stand in a header that a master is sent.
    case printableText
    /// A word that may stand in a bus topic.
    case topicWord
    case choice([String])
    case number(ClosedRange<Int>)
    case toggle
    /// With a unit: `500ms`, `2s`, `10m`, `1h`.
    case duration(min: Duration, max: Duration = DurationText.longest)
    /// A data type with a duration: `TRAINING_LOG=10m`.
    case typeDuration
    /// Bytes: `65536`, `64KiB`, `1MiB`, `2GiB`.
    case size(min: Int, max: Int = 1 << 30)
    /// Several of a kind: a YAML sequence, a flag given more than once, or one text with commas.
    indirect case list(SettingKind)

    /// What is allowed, to follow "must be".
    var rule: String {
        switch self {
        case .text: "a text that is not empty"
        case .printableText: "a text of printable ASCII characters that is not empty"
        case .topicWord: TopicWord.rule
        case .choice(let words): "one of " + words.joined(separator: ", ")
        case .number(let range):
            range.upperBound == Int.max
                ? "a whole number" : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .toggle: "true or false"
        case .duration(let min, let max):
            "a duration with a unit (500ms, 2s, 10m, 1h) from \(DurationText.write(min)) to \(DurationText.write(max))"
        case .typeDuration: "a data type, an equals sign and a duration (XPU_TIMER_METRIC=5m)"
        case .size(let min, let max):
            "a size in bytes (65536, 64KiB, 1MiB, 2GiB) from \(SizeText.write(min)) to \(SizeText.write(max))"
        case .list(let kind): "a list, each " + kind.rule
        }
    }

    /// What each text must be: of a list, its items' kind.
    var item: SettingKind {
        if case .list(let kind) = self { kind } else { self }
    }

    func accepts(_ text: String) -> Bool {
        switch self {
        case .text: !text.isEmpty
        case .printableText: !text.isEmpty && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        case .topicWord: TopicWord.isValid(text)
        case .choice(let words): words.contains(text)
        case .number(let range): Int(text).map(range.contains) ?? false
        case .toggle: text == "true" || text == "false"
        case .duration(let min, let max): DurationText.read(text).map { $0 >= min && $0 <= max } ?? false
        case .typeDuration: TypeDuration(text) != nil
        case .size(let min, let max): SizeText.read(text).map { $0 >= min && $0 <= max } ?? false
        case .list(let kind): kind.accepts(text)
        }
    }
}

/// Where a setting's value came from.
enum SettingOrigin: Hashable, Sendable, CustomStringConvertible {
    case standard
    case file(path: String, line: Int)
    case environment(String)
    case flag(String)

    /// The higher one wins.
    var strength: Int {
        switch self {
        case .standard: 0
        case .file: 1
        case .environment: 2
        case .flag: 3
        }
    }

    var description: String {
        switch self {
        case .standard: "default"
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let name): "environment variable \(name)"
        case .flag(let name): name
        }
    }
}

/// A setting's value as it was written, checked against the setting's kind.
struct SettingValue: Hashable, Sendable {
    /// One text, or several for a list.
    let texts: [String]
    let origin: SettingOrigin

    init(_ texts: [String], for definition: SettingDefinition, from origin: SettingOrigin) throws(SettingsError) {
        for text in texts where !definition.kind.accepts(text) {
            throw SettingsError(
                place: "\(origin)",
                reason: "\(definition.key) is '\(text)'; it must be \(definition.kind.item.rule)")
        }
        self.texts = texts
        self.origin = origin
    }
}

/// A setting that stops the start: where it is, and what is allowed there.
public struct SettingsError: Error, Hashable, CustomStringConvertible {
    /// The flag, the environment variable, or the file with its line.
    public let place: String
    public let reason: String

    public var description: String { "\(place): \(reason)" }
}
