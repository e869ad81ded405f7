public import Diagnosis
internal import Journal
public import Logging
internal import MasterClients
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
