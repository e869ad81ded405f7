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
