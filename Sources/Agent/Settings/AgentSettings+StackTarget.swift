internal import Collectors

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
