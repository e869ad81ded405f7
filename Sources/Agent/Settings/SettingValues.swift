private import SystemSupport

/// Which setting: `\.metrics.interval`. One that is mistyped does not compile.
package typealias SettingPath<Value: Sendable> = KeyPath<SettingsCatalog, Setting<Value>>

/// All values that are set anywhere, the strongest for each key: file, then environment, then flags; the later wins.
struct SettingValues: Sendable {
    private var values: [String: SettingValue] = [:]
    /// The masters, with the options of each; empty if none is set.
    var masters: [MasterEntry] = []

    /// One master.
    struct MasterEntry: Sendable, Hashable {
        var url: SettingValue
        /// By the names that they have in a master's own entry: `deadline` for `delivery.deadline`.
        var options: [String: SettingValue] = [:]
    }

    mutating func set(_ setting: SettingDefinition, _ value: SettingValue) {
        values[setting.key] = value
    }

    /// The setting's value, or its default.
    subscript<Value>(_ path: SettingPath<Value>) -> Value {
        let setting = SettingsCatalog.standard[keyPath: path]
        return values[setting.definition.key].map { setting.value(of: $0.texts) } ?? setting.default
    }

    /// The value as it was written; `nil` if it was written nowhere.
    func written<Value>(_ path: SettingPath<Value>) -> SettingValue? {
        values[SettingsCatalog.standard[keyPath: path].definition.key]
    }

    /// The value as it would be written; none: it is not set.
    func texts(of setting: SettingDefinition) -> [String] {
        values[setting.key]?.texts ?? setting.defaultTexts
    }

    /// The values of all settings whose keys begin with one of these, as lines; two that are equal mean the same.
    func lines(under prefixes: String...) -> [String] {
        SettingsCatalog.all.filter { setting in prefixes.contains { setting.key.hasPrefix($0) } }.map { setting in
            "\(setting.key): \(texts(of: setting))"
        }
    }

    /// These values, with some as they are in others.
    func replacing(_ settings: [SettingDefinition], from others: SettingValues) -> SettingValues {
        var replaced = self
        for setting in settings { replaced.values[setting.key] = others.values[setting.key] }
        return replaced
    }

    /// Where the value came from, for errors.
    func place<Value>(of path: SettingPath<Value>) -> String {
        "\(written(path)?.origin ?? .standard)"
    }

    /// The value and where it came from, for people.
    func describe(_ setting: SettingDefinition) -> (text: String, origin: SettingOrigin) {
        let value = values[setting.key]
        let texts = value?.texts ?? setting.defaultTexts
        let text =
            value == nil && texts.isEmpty ? "(not set)" : texts.map { SecretText.line($0) }.joined(separator: ",")
        return (text, value?.origin ?? .standard)
    }

    /// These values with a master's own options over the general ones.
    func overlaid(with options: [String: SettingValue]) -> SettingValues {
        var overlaid = self
        for setting in SettingsCatalog.ofMasters {
            if let value = setting.masterOption.flatMap({ options[$0] }) { overlaid.set(setting, value) }
        }
        return overlaid
    }
}

/// A setting's value as it was written, checked against what the setting allows.
struct SettingValue: Hashable, Sendable {
    /// One text, or several for a list.
    let texts: [String]
    let origin: SettingOrigin

    init(_ texts: [String], for setting: SettingDefinition, from origin: SettingOrigin) throws(SettingsError) {
        for text in texts where !setting.accepts(text) {
            throw SettingsError(
                place: "\(origin)",
                reason: "\(setting.key) is '\(SecretText.line(text))'; it must be \(setting.textRule)")
        }
        self.texts = texts
        self.origin = origin
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

/// A setting from the command line or, in other programs, from their own code.
public struct SettingFlag: Sendable, Hashable {
    let key: String
    let name: String
    let texts: [String]

    /// - Parameters:
    ///   - key: the setting's key as docs/settings.md has it, `masters` for masters. `AgentSettings` refuses one that it doesn't know.
    ///   - name: the flag as the user wrote it, for error texts.
    ///   - texts: its values; none if the flag was not given.
    public init(key: String, name: String, texts: [String]) {
        self.key = key
        self.name = name
        self.texts = texts
    }

    /// A flag that takes one value.
    package static func one<Value>(_ path: SettingPath<Value>, _ name: String, _ text: String?) -> SettingFlag {
        several(path, name, text.map { [$0] } ?? [])
    }

    /// A flag that can be given more than once.
    package static func several<Value>(_ path: SettingPath<Value>, _ name: String, _ texts: [String]) -> SettingFlag {
        SettingFlag(key: SettingsCatalog.standard[keyPath: path].definition.key, name: name, texts: texts)
    }

    /// The flag that names masters.
    package static func masters(_ name: String, _ urls: [String]) -> SettingFlag {
        SettingFlag(key: SettingsCatalog.masters.key, name: name, texts: urls)
    }
}

/// A setting that stops the start: where it is, and what is allowed there.
public struct SettingsError: Error, Hashable, CustomStringConvertible {
    /// The flag, the environment variable, or the file with its line.
    public let place: String
    /// What is wrong and what is allowed, as the rest of a sentence.
    public let reason: String

    public var description: String { "\(place): \(reason)" }
}
