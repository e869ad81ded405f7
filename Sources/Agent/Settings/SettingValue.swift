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
