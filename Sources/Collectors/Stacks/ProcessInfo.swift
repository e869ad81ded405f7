/// A process as the choice of training ranks sees it.
struct ProcessInfo: Equatable {
    let pid: Int32
    let parent: Int32
    /// `RANK` of the environment it was started with.
    let rank: Int?
    /// `LOCAL_RANK` of the environment it was started with.
    let localRank: Int?
    /// Whether the environment has `TORCHELASTIC_RUN_ID`.
    let hasRunID: Bool
    let isPython: Bool

    /// How exactly the environment says which rank this is: 3 with `RANK` and `LOCAL_RANK`, 2 with `RANK`, 1 with a run's id only, 0 without any.
    var evidence: Int {
        if rank != nil { return localRank != nil ? 3 : 2 }
        return hasRunID ? 1 : 0
    }
}
