/// One setting: its key, type, limits, default and help. `values[\.metrics.interval]` is then a `Duration`.
///
/// The value is optional if there is no default, and a list if the setting takes several.
package struct Setting<Value: Sendable>: AnySetting, Sendable {
    let definition: SettingDefinition
    /// The value where nobody sets one.
    let `default`: Value
    private let read: @Sendable ([String]) -> Value?

    /// - Parameters:
    ///   - key: dotted, as nested in the file: `metrics.interval`.
    ///   - help: what it does, for `arobust config show`.
    init(_ key: String, _ format: SettingFormat<Value>, default value: Value, _ help: String) {
        definition = SettingDefinition(key, format, defaults: [value], help)
        `default` = value
        read = { $0.last.flatMap(format.read) }
    }

    /// A setting that is not set unless somebody sets it.
    init<Item>(_ key: String, _ format: SettingFormat<Item>, _ help: String) where Value == Item? {
        definition = SettingDefinition(key, format, defaults: [], help)
        `default` = nil
        read = { $0.last.flatMap(format.read) }
    }

    /// A setting of several values: a YAML sequence, a flag given more than once, or one text with commas.
    init<Item>(
        _ key: String, listOf format: SettingFormat<Item>, default items: [Item] = [], _ help: String
    ) where Value == [Item] {
        definition = SettingDefinition(key, format, isList: true, defaults: items, help)
        `default` = items
        read = { $0.compactMap(format.read) }
    }

    /// The value that these texts stand for. They have been checked: a `SettingValue` holds nothing else.
    func value(of texts: [String]) -> Value {
        read(texts) ?? `default`
    }
}

/// A setting of any type.
protocol AnySetting {
    var definition: SettingDefinition { get }
}

/// A setting without its type: what the file, the environment, the flags and `arobust config show` need of it.
struct SettingDefinition: Sendable {
    /// Dotted, as nested in the file: `metrics.interval`.
    let key: String
    /// What it does, for `arobust config show`.
    let help: String
    let isList: Bool
    /// The default as it would be written; none: not set.
    let defaultTexts: [String]
    /// What is allowed for a text, and for each text of a list, to follow "must be".
    let textRule: String
    /// As `SettingFormat.takesMappings`.
    let takesMappings: Bool
    private let acceptsText: @Sendable (String) -> Bool

    init<Item>(
        _ key: String, _ format: SettingFormat<Item>, isList: Bool = false, defaults: [Item], _ help: String
    ) {
        self.key = key
        self.help = help
        self.isList = isList
        defaultTexts = defaults.map(format.write)
        textRule = format.rule
        takesMappings = format.takesMappings
        acceptsText = { format.read($0) != nil }
    }

    func accepts(_ text: String) -> Bool { acceptsText(text) }

    /// What is allowed for the whole, to follow "must be".
    var rule: String { isList ? "a list, each " + textRule : textRule }

    /// `AROBUST_METRICS_INTERVAL` for `metrics.interval`.
    var environmentName: String {
        "AROBUST_" + key.uppercased().map { $0 == "." || $0 == "-" ? "_" : String($0) }.joined()
    }

    /// Its name in a master's own entry of the file: `deadline` for `delivery.deadline`, `job-uid` for itself. `nil`: it can't stand there.
    var masterOption: String? {
        if key == "job-uid" { return key }
        let prefix = "delivery."
        return key.hasPrefix(prefix) ? String(key.dropFirst(prefix.count)) : nil
    }
}
