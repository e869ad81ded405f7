internal import SystemSupport

/// Where a process has its settings from, so that they can be read again: environment and flags are those of the start, and still win.
package struct SettingsSource: Sendable {
    /// `nil`: there is none.
    let file: String?
    let environment: [String: String]
    let flags: [SettingFlag]

    package init(file: String?, environment: [String: String], flags: [SettingFlag]) {
        self.file = file
        self.environment = environment
        self.flags = flags
    }

    /// - Throws: as `AgentSettings` does.
    package func load() throws(SettingsError) -> AgentSettings {
        try AgentSettings(file: file, environment: environment, flags: flags)
    }

    /// The other two places alone.
    package var withoutFile: SettingsSource { SettingsSource(file: nil, environment: environment, flags: flags) }

    /// Reads them once more.
    ///
    /// - Throws: `SettingsError` also for a file that was a pipe: what was in it is gone, and nothing in it would look like a file without settings.
    func loadAgain() throws(SettingsError) -> AgentSettings {
        if let file, case .special(let kind) = PathLook(file) {
            throw SettingsError(
                place: file, reason: "it is \(kind), which can be read only once; give a file to reload settings")
        }
        return try load()
    }
}
