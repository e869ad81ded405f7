internal import SystemSupport

/// What of newly read settings differs from those in force.
struct SettingsDifference {
    /// One setting.
    struct Item: Hashable {
        let setting: String
        let before: String
        let after: String
        /// Where the new value stands.
        let place: String

        var sentence: String { "\(setting): \(before) -> \(after) (\(place))" }
    }

    /// What takes effect now.
    private(set) var changes: [Item] = []
    /// What waits for a restart.
    private(set) var restart: [(item: Item, reason: String)] = []
    private var kept: [SettingDefinition] = []
    private let (old, new): (SettingValues, SettingValues)

    init(from old: AgentSettings, to new: AgentSettings) {
        (self.old, self.new) = (old.values, new.values)
        for setting in SettingsCatalog.all where old.values.texts(of: setting) != new.values.texts(of: setting) {
            let (before, after) = (old.values.describe(setting), new.values.describe(setting))
            let item = Item(
                setting: setting.key, before: before.text, after: after.text, place: "\(after.origin)")
            switch ChangeEffect(of: setting.key) {
            case .atOnce: changes.append(item)
            case .restart(let reason):
                restart.append((item, reason))
                kept.append(setting)
            }
        }
    }

    /// The new settings, but for those that wait for a restart.
    ///
    /// - Throws: `SettingsError` if they don't go together with what stays.
    func settings() throws(SettingsError) -> AgentSettings {
        try AgentSettings(values: new.replacing(kept, from: old))
    }

    var restartSentences: [String] {
        restart.map { item, reason in "\(item.sentence), since \(reason)" }
    }
}
