internal import Agent

extension SettingFlag {
    /// A flag that takes one value.
    static func one(_ key: String, _ name: String, _ text: String?) -> SettingFlag {
        SettingFlag(key: key, name: name, texts: text.map { [$0] } ?? [])
    }

    /// A flag that can be given more than once.
    static func several(_ key: String, _ name: String, _ texts: [String]) -> SettingFlag {
        SettingFlag(key: key, name: name, texts: texts)
    }
}
