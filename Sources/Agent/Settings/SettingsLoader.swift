internal import MasterClients

/// Puts settings together from their three places.
struct SettingsLoader {
    var file: String?
    var environment: [String: String]
    var flags: [SettingFlag]

    /// DLRover's own names (`dlrover/python/common/env_utils.py`), weaker than ours; a later line wins over an earlier one.
    private static let dlroverNames = [
        ("NODE_ID", "node.id"), ("NODE_TYPE", "node.type"), ("WORKER_RANK", "node.rank"), ("NODE_RANK", "node.rank"),
        ("JOB_UID", "job-uid"), ("XPU_TIMER_PORT", "metrics.xpu-timer-port"),
        ("FAILURE_NODE_ERRORS", "diagnosis.failure-node-errors"),
    ]

    /// - Throws: `SettingsError` with the place and what is allowed.
    func load() throws(SettingsError) -> SettingValues {
        var values = SettingValues()
        if let directory = DefaultPaths.stateDirectory(environment: environment) {
            try set("state-dir", directory, from: .standard, in: &values)
        }
        if let file { try SettingsFile(path: file).read(into: &values) }
        for (name, key) in Self.dlroverNames {
            guard let text = environment[name], !text.isEmpty else { continue }
            try set(key, text, from: .environment(name), in: &values)
        }
        try readEnvironment(into: &values)
        for flag in flags where flag.key != "masters" {
            guard let definition = SettingsCatalog.definition(of: flag.key), !flag.texts.isEmpty else { continue }
            values.set(flag.key, try SettingValue(flag.texts, for: definition, from: .flag(flag.name)))
        }
        for flag in flags where flag.key == "masters" && !flag.texts.isEmpty {
            values.setMasters(try masters(flag.texts, from: .flag(flag.name)))
        }
        if values.masters.isEmpty { values.setMasters(try dlroverMasters()) }
        return values
    }

    /// The master that DLRover names, for when nothing else names one.
    private func dlroverMasters() throws(SettingsError) -> [SettingValues.MasterEntry] {
        let variable = "DLROVER_MASTER_ADDR"
        let url: MasterURL?
        do throws(MasterURLError) {
            url = try MasterURL.fromEnvironment(environment)
        } catch {
            throw SettingsError(
                place: "\(SettingOrigin.environment(error.variable ?? variable))",
                reason: "it is '\(error.text)'; \(error.reason)")
        }
        return try masters(url.map { ["\($0)"] } ?? [], from: .environment(variable))
    }

    private func set(
        _ key: String, _ text: String, from origin: SettingOrigin, in values: inout SettingValues
    ) throws(SettingsError) {
        guard let definition = SettingsCatalog.definition(of: key) else { return }
        values.set(key, try SettingValue([text], for: definition, from: origin))
    }

    /// Variables that begin with `AROBUST_` must be settings: a misspelt one would otherwise do nothing and say nothing.
    private func readEnvironment(into values: inout SettingValues) throws(SettingsError) {
        let known = Dictionary(SettingsCatalog.all.map { ($0.environmentName, $0) }) { first, _ in first }
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("AROBUST_") {
            let origin = SettingOrigin.environment(name)
            if name == "AROBUST_MASTERS" {
                values.setMasters(try masters(Self.split(text), from: origin))
            } else if name == "AROBUST_CONFIG" || name.hasPrefix("AROBUST_TEST_") || Self.isKubernetes(name) {
                continue
            } else if let definition = known[name] {
                var texts = [text]
                if case .list = definition.kind { texts = Self.split(text) }
                values.set(definition.key, try SettingValue(texts, for: definition, from: origin))
            } else {
                throw SettingsError(
                    place: "\(origin)", reason: "there is no such setting; `arobust config show` lists all")
            }
        }
    }

    /// Whether Kubernetes makes a variable of this name in every pod beside a Service called `arobust`. No setting's begins so.
    static func isKubernetes(_ name: String) -> Bool {
        name.hasPrefix("AROBUST_SERVICE_") || name == "AROBUST_PORT" || name.hasPrefix("AROBUST_PORT_")
    }

    private func masters(_ urls: [String], from origin: SettingOrigin) throws(SettingsError) -> [SettingValues
        .MasterEntry]
    {
        let definition = SettingDefinition("masters", .list(.text), "masters to report to")
        var masters: [SettingValues.MasterEntry] = []
        for url in urls {
            masters.append(
                SettingValues.MasterEntry(url: try SettingValue([url], for: definition, from: origin), options: [:]))
        }
        return masters
    }

    private static func split(_ text: String) -> [String] {
        text.split(separator: ",").map { String($0.drop { $0 == " " }) }
    }
}
