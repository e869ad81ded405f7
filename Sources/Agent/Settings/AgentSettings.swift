internal import Collectors
internal import DLRoverListener
public import Diagnosis
package import FailureDiagnosis
private import Glibc
internal import Journal
public import Logging
internal import MasterClients
internal import SystemSupport
public import ZMQBridge

/// The settings in the types that the parts take. Made once at the start; an impossible one stops it there.
public struct AgentSettings: Sendable {
    let values: SettingValues

    /// Reads and checks the settings of all three places.
    ///
    /// - Parameters:
    ///   - file: a YAML file, or `nil`.
    ///   - flags: what stands on the command line, by the settings' keys.
    /// - Throws: `SettingsError` with the flag, variable, or file and line, and what is allowed.
    public init(file: String?, environment: [String: String], flags: [SettingFlag]) throws(SettingsError) {
        values = try SettingsLoader(file: file, environment: environment, flags: flags).load()
        // Made once here, so that a bad one is told before anything has started.
        _ = try masters()
        _ = try metricURL()
        _ = try stackTarget()
        _ = try listenAddress()
        guard try !endpoints().isEmpty else { throw noStateDirectory }
    }

    public var logLevel: Logger.Level {
        values.text("log-level").flatMap(Logger.Level.init(rawValue:)) ?? .info
    }

    public var shutdownDeadline: Duration { values.duration("shutdown-deadline") }

    /// The node's identity.
    public var node: NodeIdentity {
        NodeIdentity(
            id: values.number("node.id") ?? 0, type: values.text("node.type") ?? "worker",
            rank: values.number("node.rank") ?? 0)
    }

    /// The one state directory of a publisher.
    public func stateDirectory() throws(SettingsError) -> StateDirectory {
        let directories = try stateDirectories()
        guard !directories.isEmpty else { throw noStateDirectory }
        guard directories.count == 1 else {
            throw SettingsError(
                place: place(of: "state-dir"),
                reason: "a publisher has one state directory; \(directories.count) are given")
        }
        return directories[0]
    }

    private var noStateDirectory: SettingsError {
        guard values.value("state-dir") == nil else {
            return SettingsError(place: place(of: "state-dir"), reason: "state-dir is empty")
        }
        return SettingsError(
            place: "state-dir", reason: "without HOME and XDG_STATE_HOME it has no default; set --state-dir")
    }

    public func stateDirectories() throws(SettingsError) -> [StateDirectory] {
        var directories: [StateDirectory] = []
        for path in values.texts("state-dir") {
            do throws(StateDirectoryError) {
                directories.append(try StateDirectory(path: path))
            } catch {
                throw SettingsError(place: place(of: "state-dir"), reason: "\(error)")
            }
        }
        return directories
    }

    /// The publishers to listen to: those of `connect`, and those of the state directories if any is set or none of `connect`.
    public func endpoints() throws(SettingsError) -> [BusEndpoint] {
        var endpoints: [BusEndpoint] = []
        for text in values.texts("connect") {
            guard let endpoint = BusEndpoint(text) else {
                throw SettingsError(
                    place: place(of: "connect"),
                    reason: "the endpoint is '\(text)'; it must be \(BusEndpoint.rule)")
            }
            endpoints.append(endpoint)
        }
        if endpoints.isEmpty || values.value("state-dir")?.origin != .standard {
            endpoints += try stateDirectories().map { BusEndpoint($0) }
        }
        return endpoints
    }

    /// Where the cursors and ledgers of the masters are kept; `nil`: in the (first) state directory.
    public var consumersDirectory: String? { values.text("consumers-dir") }

    /// How the journal is kept.
    var journal: JournalConfiguration {
        var journal = JournalConfiguration()
        journal.totalBytes = values.size("journal.size")
        // Eviction takes whole segments; a few of each lane must fit.
        journal.segmentBytes = min(values.size("journal.segment-size"), max(4096, journal.totalBytes / 16))
        journal.maximumAge = values.text("journal.max-age").flatMap(DurationText.read)
        journal.laneReserveBytes = values.text("journal.lane-reserve").flatMap(SizeText.read)
        journal.durability = values.text("journal.durability") == "power-loss" ? .powerLoss : .processCrash
        return journal
    }

    /// The masters to report to, with how.
    func masters() throws(SettingsError) -> [MasterSettings] {
        var masters: [MasterSettings] = []
        for entry in values.masters {
            masters.append(
                try MasterSettings(entry: entry, values: values.overlaid(with: entry.options))
            )
        }
        for (index, master) in masters.enumerated()
        where masters[..<index].contains(where: { $0.url == master.url }) {
            throw SettingsError(
                place: "\(values.masters[index].url.origin)", reason: "the master \(master.url) stands twice")
        }
        return masters
    }

    /// Every setting with its value and where that came from, a line each.
    public func describe() -> [String] {
        SettingsCatalog.all.map { definition in
            let value = values.effective(definition.key)
            let text = value.map { $0.texts.joined(separator: ",") } ?? "(not set)"
            return "\(definition.key): \(text)  # \(value?.origin ?? .standard); \(definition.help)"
        }
            + values.masters.map { master in
                let options = master.options.sorted { $0.key < $1.key }
                    .map { ", \($0.key): \($0.value.texts.joined(separator: ","))" }.joined()
                return "masters: \(master.url.texts.joined())\(options)  # \(master.url.origin)"
            }
    }

    /// Where a setting's value came from, for errors.
    func place(of key: String) -> String {
        "\(values.effective(key)?.origin ?? .standard)"
    }
}

extension AgentSettings {
    /// The built-in rules, what the rule files of the settings add and change, and DLRover's failure-node errors.
    ///
    /// - Throws: `SettingsError` with the rule file and line, and what is allowed.
    package func ruleTable() throws(SettingsError) -> RuleTable {
        var table = RuleTable.builtIn
        for path in values.texts("diagnosis.rules") {
            do throws(RuleTableError) {
                try table.apply(file: path)
            } catch {
                throw SettingsError(place: error.place, reason: error.reason)
            }
        }
        let key = "diagnosis.failure-node-errors"
        guard let errors = values.value(key), table.addFailureNodeErrors(errors.texts.joined()) == 0 else {
            return table
        }
        // DLRover's own variable means nothing to DLRover either if it is written otherwise.
        guard errors.origin == .environment("FAILURE_NODE_ERRORS") else {
            throw SettingsError(
                place: place(of: key),
                reason:
                    "it is '\(errors.texts.joined())'; it must be texts in number signs: #error code is 12345# error code is 23456#"
            )
        }
        return table
    }

    /// Whether masters are told of failures.
    var reportsFailures: Bool { values.toggle("diagnosis.report-failures") }

    /// What the settings know of a failure: the followed logs, the limits, the node.
    package func trainingFailure() -> TrainingFailure {
        var failure = TrainingFailure()
        failure.logs = values.texts("logs.files").map { LogSource(path: $0) }
        failure.kernelLog = values.text("diagnosis.kernel-log")
        failure.maxRestarts = values.number("diagnosis.max-restarts") ?? failure.maxRestarts
        failure.budget = values.duration("diagnosis.budget")
        failure.node = node
        return failure
    }
}

extension AgentSettings {
    /// Where DLRover's own clients may call; `nil`: nowhere.
    func listenAddress() throws(SettingsError) -> ListenAddress? {
        guard let text = values.text("listen") else { return nil }
        guard let address = ListenAddress(text) else {
            throw SettingsError(
                place: place(of: "listen"), reason: "listen is '\(text)'; it must be \(ListenAddress.rule)")
        }
        return address
    }
}

extension AgentSettings {
    /// The metrics page to scrape, as a URL or as XPUTimer's port says; of both, the one from the stronger place. `nil`: none is set.
    func metricURL() throws(SettingsError) -> MetricURL? {
        let port = values.value("metrics.xpu-timer-port")
        let url = values.value("metrics.url")
        let portWins = (port?.origin.strength ?? -1) > (url?.origin.strength ?? -1)
        do throws(MetricURLError) {
            if portWins, let number = values.number("metrics.xpu-timer-port") {
                return try MetricURL(xpuTimerPort: number)
            }
            return try url.map { url throws(MetricURLError) in try MetricURL(url.texts.joined()) }
        } catch {
            throw SettingsError(
                place: place(of: portWins ? "metrics.xpu-timer-port" : "metrics.url"), reason: "\(error)")
        }
    }
}

extension AgentSettings {
    /// The processes whose stacks to dump; `nil`: none are set.
    func stackTarget() throws(SettingsError) -> StackTarget? {
        let pids = values.texts("stacks.pids").compactMap { Int32($0) }
        guard values.toggle("stacks.ranks") else { return pids.isEmpty ? nil : .pids(pids) }
        guard pids.isEmpty else {
            throw SettingsError(
                place: place(of: "stacks.ranks"),
                reason: "stacks.ranks is true and stacks.pids is set (\(place(of: "stacks.pids"))); give one of them")
        }
        return .ranks
    }
}

/// Where things are unless told otherwise.
enum DefaultPaths {
    /// `/var/lib/arobust` for root, `$XDG_STATE_HOME/arobust` (or `~/.local/state/arobust`) for others.
    ///
    /// - Returns: `nil` if neither variable is set: a place that all users share could be taken by any of them.
    static func stateDirectory(environment: [String: String], isRoot: Bool = geteuid() == 0) -> String? {
        if isRoot { return "/var/lib/arobust" }
        if let home = environment["XDG_STATE_HOME"], home.hasPrefix("/") { return home + "/arobust" }
        if let home = environment["HOME"], home.hasPrefix("/") { return home + "/.local/state/arobust" }
        return nil
    }
}
