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
