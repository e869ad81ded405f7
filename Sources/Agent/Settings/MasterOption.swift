/// The names under which a master's entry in the file holds its own settings.
enum MasterOption {
    /// `deadline` stands for `delivery.deadline`, `job-uid` for itself.
    static func key(of name: String) -> String {
        name == "job-uid" ? name : "delivery." + name
    }

    static var names: [String] {
        SettingsCatalog.delivering.map { String($0.key.split(separator: ".").last ?? "") }
    }

    static func definition(of name: String) -> SettingDefinition? {
        SettingsCatalog.delivering.first { $0.key == key(of: name) }
    }
}
