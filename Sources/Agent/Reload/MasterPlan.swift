internal import MasterClients

/// A master that the settings name, without a link to it yet.
struct MasterPlan: Sendable {
    let name: String
    /// What the settings say of it, and what the files have that they name: with something else its link is made anew.
    let origin: [String]
    /// Opens its ledger, and makes its client.
    let make: @Sendable () throws -> MasterLink
}

extension AgentServices {
    /// - Parameter link: makes one.
    /// - Throws: `SettingsError` for a file of a secret that can't be read, and the like.
    func masterPlans(
        _ link: @escaping @Sendable (MasterSettings) throws -> MasterLink
    ) throws -> [MasterPlan] {
        let values = settings.values
        return try zip(settings.masters(), values.masters).map { master, entry in
            let own = values.overlaid(with: entry.options)
            let token = try master.clientOptions().token ?? ""
            let origin = SettingsCatalog.ofMasters.map { "\($0.key): \(own.texts(of: $0))" } + [token]
            return MasterPlan(name: "\(master.url)", origin: origin) { try link(master) }
        }
    }
}
