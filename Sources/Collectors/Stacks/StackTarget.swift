/// Whose stacks are wanted.
public enum StackTarget: Sendable, Hashable {
    /// These processes, by the ids that `/proc` here shows.
    case pids([Int32])
    /// All training ranks: Python processes that were started with `RANK` or `TORCHELASTIC_RUN_ID`, without their launchers and helpers
    /// (`RankSelection`).
    case ranks
}
