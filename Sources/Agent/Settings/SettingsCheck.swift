internal import DLRoverListener
internal import GRPCServing
internal import Delivery
internal import MasterClients
internal import SystemSupport
internal import ZMQBridge

/// What `agent`, `collect` and `bridge` look at before they make anything, and what `arobust config check` tells of the settings: everything
/// that their start needs, found without making or changing a file.
///
/// What only another process holds now (the state directory's lock, a port, a ledger) is left out: it may be held by the agent that
/// these settings are of.
package struct SettingsCheck {
    /// Whose start it is about.
    package enum Purpose: Sendable {
        case agent
        case collect
        case bridge
        /// Any command that takes settings.
        case everything
    }

    /// What would end the start, all of it.
    package private(set) var errors: [any Error] = []
    /// What the settings name and can't be used now. It may still come or be changed, so it does not stop the start.
    package private(set) var warnings: [String] = []

    /// Whether the settings are right, and only this process may have too little of something.
    package var isOnlyAboutLimits: Bool { errors.allSatisfy { $0 is ProcessLimitError } }

    private let settings: AgentSettings

    /// Waits for the disk, and for whoever knows the system's users.
    package init(_ settings: AgentSettings, for purpose: Purpose) {
        self.settings = settings
        attempt(Self.checkLimits)
        attempt { _ = try $0.bridgeInput() }
        attempt { try $0.checkMonitor() }
        let isForPublisher = purpose == .everything ? !settings.readsOtherPublishers : purpose != .bridge
        if isForPublisher { attempt { try $0.stateDirectory().check() } }
        // A publisher elsewhere need not be there yet, but one of a newer version will not become an older one.
        if !isForPublisher { attempt { for directory in try $0.readDirectories() { try directory.checkVersion() } } }
        if purpose != .collect { checkMasters() }
        if purpose != .bridge {
            attempt { _ = try $0.ruleTable() }
            attempt { _ = try $0.progressProfiles() }
            attempt(Self.checkListener)
            attempt { try $0.checkNetworkBus() }
        }
        warnings = settings.warnings() + (isForPublisher ? [] : settings.stateDirectoryWarnings)
    }

    private mutating func attempt(_ work: (AgentSettings) throws -> Void) {
        do {
            try work(settings)
        } catch {
            // Several parts may need the same thing.
            guard !errors.contains(where: { "\($0)" == "\(error)" }) else { return }
            errors.append(error)
        }
    }

    /// Raises the limit of descriptors, and looks whether there will be enough of them, of threads, and memory: later that would end the
    /// process without a sentence.
    private static func checkLimits(_ settings: AgentSettings) throws {
        DescriptorLimit.raise()
        let masters = try settings.masters().count + settings.mastersForMonitor
        try DescriptorLimit.current.check(masters: masters)
        try MemoryLimit.checkStacks()
        try ThreadTrial.run(
            ThreadTrial.needed(masters: masters), bytes: MemoryLimit.ofService + masters * MemoryLimit.perMaster)
    }

    /// The masters, and where their ledgers are kept.
    private mutating func checkMasters() {
        guard let masters = try? settings.masters(), !masters.isEmpty else { return }
        // A directory in a state directory that can't be used has been told of with that.
        if settings.consumersDirectory != nil || errors.isEmpty { attempt(Self.checkConsumers) }
        var files: [MasterURL.FileIdentity: MasterURL] = [:]
        for (index, master) in masters.enumerated() {
            attempt { _ in try master.url.check(try master.clientOptions()) }
            guard let file = master.url.fileIdentity else { continue }
            guard let twin = files[file] else {
                files[file] = master.url
                continue
            }
            attempt { settings in
                throw SettingsError(
                    place: settings.origin(ofMaster: index),
                    reason: "the masters \(twin) and \(master.url) are the same file")
            }
        }
    }

    private static func checkConsumers(_ settings: AgentSettings) throws {
        let home = try settings.consumersHome()
        guard let obstacle = ConsumerStore.obstacle(of: home) else { return }
        let place = settings.consumersDirectory == nil ? "state-dir" : settings.place(of: \.consumersDirectory)
        throw StartObstacle(description: "\(place): the masters' ledgers can't be kept in \(home): \(obstacle)")
    }

    private static func checkListener(_ settings: AgentSettings) throws {
        let addresses = try settings.listenAddresses()
        guard !addresses.isEmpty else { return }
        if let problem = try settings.listenAllow().unknownAccount() {
            throw SettingsError(place: settings.place(of: \.listenAllow), reason: problem)
        }
        for address in addresses { try address.check() }
    }
}

/// What settings name is not as a start needs it: the settings themselves may be right.
struct StartObstacle: Error, CustomStringConvertible {
    let description: String
}
