internal import MasterClients

/// Puts settings together from their three places.
struct SettingsLoader {
    var file: String?
    var environment: [String: String]
    var flags: [SettingFlag]

    /// DLRover's own names (`dlrover/python/common/env_utils.py`), and Slurm's for a job, weaker than ours; a later line wins over an earlier one.
    private static let dlroverNames: [(variable: String, setting: SettingDefinition)] = {
        let catalog = SettingsCatalog.standard
        return [
            ("NODE_ID", catalog.node.id.definition), ("NODE_TYPE", catalog.node.type.definition),
            ("WORKER_RANK", catalog.node.rank.definition), ("NODE_RANK", catalog.node.rank.definition),
            ("JOB_UID", catalog.jobUID.definition), ("XPU_TIMER_PORT", catalog.metrics.xpuTimerPort.definition),
            ("SLURM_JOB_ID", catalog.diagnosis.job.definition), ("ELASTIC_JOB_NAME", catalog.diagnosis.job.definition),
            ("FAILURE_NODE_ERRORS", catalog.diagnosis.failureNodeErrors.definition),
        ]
    }()

    /// - Throws: `SettingsError` with the place and what is allowed.
    func load() throws(SettingsError) -> SettingValues {
        var values = SettingValues()
        if let directory = DefaultPaths.stateDirectory(environment: environment) {
            let setting = SettingsCatalog.standard.stateDirectory.definition
            values.set(setting, try SettingValue([directory], for: setting, from: .standard))
        }
        if let file { try SettingsFile(path: file).read(into: &values) }
        for (name, setting) in Self.dlroverNames {
            guard let text = environment[name], !text.isEmpty, !KubernetesVariable.isInjected(name, text) else {
                continue
            }
            values.set(setting, try SettingValue([text], for: setting, from: .environment(name)))
        }
        try readEnvironment(into: &values)
        try readFlags(into: &values)
        if values.masters.isEmpty { values.masters = try dlroverMasters() }
        return values
    }

    /// Variables that begin with `AROBUST_` must be settings: a misspelt one would otherwise do nothing and say nothing.
    private func readEnvironment(into values: inout SettingValues) throws(SettingsError) {
        let known = Dictionary(SettingsCatalog.all.map { ($0.environmentName, $0) }) { first, _ in first }
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("AROBUST_") {
            let origin = SettingOrigin.environment(name)
            if name == SettingsCatalog.masters.environmentName {
                values.masters = try masters(ListText.items(of: text, place: "\(origin)"), from: origin)
            } else if name == "AROBUST_CONFIG" || ConsoleVariable.all.contains(name) || name.hasPrefix("AROBUST_TEST_")
                || KubernetesVariable.isInjected(name, text)
            {
                continue
            } else if let setting = known[name] {
                let texts = setting.isList ? try ListText.items(of: text, place: "\(origin)") : [text]
                values.set(setting, try SettingValue(texts, for: setting, from: origin))
            } else {
                throw SettingsError(
                    place: "\(origin)", reason: "there is no such setting; `arobust config show` lists all")
            }
        }
    }

    private func readFlags(into values: inout SettingValues) throws(SettingsError) {
        var urls: SettingFlag?
        for flag in flags where !flag.texts.isEmpty {
            if flag.key == SettingsCatalog.masters.key {
                urls = flag
            } else if let setting = SettingsCatalog.definition(of: flag.key) {
                values.set(setting, try SettingValue(flag.texts, for: setting, from: .flag(flag.name)))
            } else {
                throw SettingsError(
                    place: flag.name, reason: "there is no setting '\(flag.key)'; `arobust config show` lists all")
            }
        }
        if let urls { values.masters = try masters(urls.texts, from: .flag(urls.name)) }
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

    private func masters(
        _ urls: [String], from origin: SettingOrigin
    ) throws(SettingsError) -> [SettingValues.MasterEntry] {
        var masters: [SettingValues.MasterEntry] = []
        for url in urls {
            let value = try SettingValue([url], for: SettingsCatalog.masters, from: origin)
            masters.append(SettingValues.MasterEntry(url: value))
        }
        return masters
    }
}

/// The variables that Kubernetes sets in every pod for each Service of its namespace, and that Docker's links had before: for a Service
/// `arobust-console`, `AROBUST_CONSOLE_SERVICE_HOST`, `AROBUST_CONSOLE_PORT` and others (Kubernetes' documentation of Services, "Environment
/// variables").
enum KubernetesVariable {
    /// Whether a variable was set by Kubernetes and not by a person, whatever the Service's name is. One ending in `_PORT` may also be a
    /// setting: then its value decides, which Kubernetes writes as `tcp://10.0.0.1:80`.
    static func isInjected(_ name: String, _ value: String) -> Bool {
        let words = name.split(separator: "_").map(String.init)
        if name.hasSuffix("_SERVICE_HOST") { return true }
        // Whatever follows is the port's name, which may have the word, too.
        if zip(words.dropFirst(), words.dropFirst(2)).contains(where: { $0 == ("SERVICE", "PORT") }) { return true }
        if name.hasSuffix("_PORT"), isAddress(value) { return true }
        // …_PORT_80_TCP, and the same with _PROTO, _PORT or _ADDR.
        guard let port = words.dropLast().lastIndex(where: { Int($0) != nil }), port > 1, words[port - 1] == "PORT",
            protocols.contains(words[port + 1])
        else { return false }
        let rest = words.dropFirst(port + 2)
        return rest.isEmpty || (rest.count == 1 && ["PROTO", "PORT", "ADDR"].contains(rest.first))
    }

    private static let protocols: Set<String> = ["TCP", "UDP", "SCTP"]

    /// Whether it is `tcp://`, an address, a colon and a port.
    private static func isAddress(_ value: String) -> Bool {
        guard let end = value.firstRange(of: "://")?.lowerBound, protocols.contains(value[..<end].uppercased()) else {
            return false
        }
        return value.split(separator: ":").last.flatMap { UInt16($0) } != nil
    }
}
