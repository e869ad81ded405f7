internal import SystemSupport

/// All values that are set anywhere, the strongest for each key: file, then environment, then flags; the later wins.
struct SettingValues: Sendable {
    private var values: [String: SettingValue] = [:]
    /// The file's `masters` with their own options; empty if the file has none.
    private(set) var masters: [MasterEntry] = []

    /// A master in the file.
    struct MasterEntry: Sendable, Hashable {
        var url: SettingValue
        /// By the last part of the key: `deadline` for `delivery.deadline`.
        var options: [String: SettingValue]
    }

    mutating func set(_ key: String, _ value: SettingValue) {
        values[key] = value
    }

    mutating func addMaster(_ master: MasterEntry) {
        masters.append(master)
    }

    /// Replaces all masters, as the stronger of two places does.
    mutating func setMasters(_ masters: [MasterEntry]) {
        self.masters = masters
    }

    func value(_ key: String) -> SettingValue? {
        values[key]
    }

    // MARK: typed reading; every value has been checked when it was set

    func text(_ key: String) -> String? {
        effective(key)?.texts.last
    }

    func texts(_ key: String) -> [String] {
        effective(key)?.texts ?? []
    }

    func number(_ key: String) -> Int? {
        text(key).flatMap { Int($0) }
    }

    func toggle(_ key: String) -> Bool {
        text(key) == "true"
    }

    func duration(_ key: String) -> Duration {
        text(key).flatMap(DurationText.read) ?? .zero
    }

    func size(_ key: String) -> Int {
        text(key).flatMap(SizeText.read) ?? 0
    }

    /// The value that holds: the one set, or the standard.
    func effective(_ key: String) -> SettingValue? {
        if let value = values[key] { return value }
        guard let definition = SettingsCatalog.definition(of: key), let standard = definition.standard else {
            return nil
        }
        return try? SettingValue([standard], for: definition, from: .standard)
    }

    /// These values with a master's own options over the general ones.
    func overlaid(with options: [String: SettingValue]) -> SettingValues {
        var overlaid = self
        for (name, value) in options { overlaid.values[MasterOption.key(of: name)] = value }
        return overlaid
    }
}
