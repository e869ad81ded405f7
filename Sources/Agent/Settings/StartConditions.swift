internal import DLRoverListener
internal import SystemSupport

extension AgentSettings {
    /// Looks whether this process, on this machine, can run with the settings: whether it may have the descriptors, threads and memory that it
    /// will need, without which it would end later and without a sentence, and whether the system has the users and groups that are named.
    /// Raises the limit of descriptors before.
    ///
    /// - Throws: `SettingsError`, `ProcessLimitError`.
    package func checkStart() throws {
        DescriptorLimit.raise()
        let masters = try masters().count
        try DescriptorLimit.current.check(masters: masters)
        try MemoryLimit.checkStacks()
        try ThreadTrial.run(
            ThreadTrial.needed(masters: masters), bytes: MemoryLimit.ofService + masters * MemoryLimit.perMaster)
        guard try listenAddress() != nil else { return }
        let callers = try listenAllow()
        do throws(AllowedCallers.UnknownAccount) {
            try callers.checkNames()
        } catch {
            throw SettingsError(place: place(of: \.listenAllow), reason: "\(error)")
        }
    }
}
