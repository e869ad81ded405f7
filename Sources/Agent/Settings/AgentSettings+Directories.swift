private import Glibc
internal import SystemSupport
public import ZMQBridge

/// Where publishers are, and where their consumers' files are.
extension AgentSettings {
    /// The one state directory of a publisher.
    public func stateDirectory() throws(SettingsError) -> StateDirectory {
        let directories = try publisherDirectories()
        guard directories.count == 1 else {
            throw SettingsError(
                place: place(of: \.stateDirectory),
                reason: "a publisher has one state directory; \(directories.count) are given")
        }
        return directories[0]
    }

    var noStateDirectory: SettingsError {
        guard values.written(\.stateDirectory) == nil else {
            return SettingsError(place: place(of: \.stateDirectory), reason: "state-dir is empty")
        }
        return SettingsError(
            place: "state-dir", reason: "without HOME and XDG_STATE_HOME it has no default; set --state-dir")
    }

    /// All of `state-dir`, or the default one if none is set and there is one.
    public func stateDirectories() throws(SettingsError) -> [StateDirectory] {
        var directories: [StateDirectory] = []
        for path in values[\.stateDirectory] {
            do throws(StateDirectoryError) {
                directories.append(try StateDirectory(path: path))
            } catch {
                throw SettingsError(place: place(of: \.stateDirectory), reason: "\(error)")
            }
        }
        return directories
    }

    /// All of `state-dir`, or the default one; at least one.
    ///
    /// - Throws: `SettingsError` also if none is set and there is no default.
    package func publisherDirectories() throws(SettingsError) -> [StateDirectory] {
        let directories = try stateDirectories()
        guard !directories.isEmpty else { throw noStateDirectory }
        return directories
    }

    /// The publishers to listen to, at least one: those of `connect`, and those in the state directories. The default state directory counts
    /// only if `connect` is not set.
    public func endpoints() throws(SettingsError) -> [BusEndpoint] {
        let count = values[\.connect].count { BusEndpoint.networkHost(in: $0) != nil }
        let needsKeys = count > 0 && values[\.connectKeyFile] != nil && !values[\.connectServerKey].isEmpty
        let endpoints = try endpointsIfAny(keys: needsKeys ? clientKeys(for: count) : nil)
        guard !endpoints.isEmpty else { throw noStateDirectory }
        return endpoints
    }

    /// Whether the settings are those of a bridge to publishers elsewhere.
    var readsOtherPublishers: Bool { !values[\.connect].isEmpty || values[\.stateDirectory].count > 1 }

    /// As `endpoints()`, but without a place there is none, and without `keys` none are read.
    func endpointsIfAny(keys: ((Int) throws(SettingsError) -> ClientKeys)? = nil) throws(SettingsError) -> [BusEndpoint]
    {
        var endpoints: [BusEndpoint] = []
        var number = 0
        for text in values[\.connect] where !BridgeInput.isStream(text) {
            endpoints.append(try endpoint(text, keys: keys, number: &number))
        }
        if endpoints.isEmpty || values.written(\.stateDirectory)?.origin != .standard {
            endpoints += try stateDirectories().map { BusEndpoint($0) }
        }
        return endpoints
    }

    /// The state directories among the publishers to listen to.
    func readDirectories() throws(SettingsError) -> [StateDirectory] {
        guard values[\.connect].isEmpty || values.written(\.stateDirectory)?.origin != .standard else { return [] }
        return try localDirectories()
    }

    /// Where the masters' cursors and ledgers are kept; `nil`: in the first state directory.
    public var consumersDirectory: String? { values[\.consumersDirectory] }

    /// The same with its default.
    func consumersHome() throws(SettingsError) -> String {
        if let consumersDirectory { return consumersDirectory }
        guard let home = try stateDirectories().first?.consumersDirectory else {
            throw SettingsError(place: "consumers-dir", reason: "without a state directory it must be set")
        }
        return home
    }
}

/// Where files are unless the settings say otherwise.
enum DefaultPaths {
    /// `/var/lib/arobust` for root, `$XDG_STATE_HOME/arobust` (or `~/.local/state/arobust`) for others.
    ///
    /// - Returns: `nil` if neither variable is set: any user could take a place that all users share.
    static func stateDirectory(environment: [String: String], isRoot: Bool = geteuid() == 0) -> String? {
        if isRoot { return "/var/lib/arobust" }
        if let home = environment["XDG_STATE_HOME"], home.hasPrefix("/") { return home + "/arobust" }
        if let home = environment["HOME"], home.hasPrefix("/") {
            return (home == "/" ? "" : home) + "/.local/state/arobust"
        }
        return nil
    }
}
