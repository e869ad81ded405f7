/// What an answer of NCCL's RAS says of a job, in the form that merges with other nodes': each node's RAS speaks for the whole job.
package struct RASSign: Hashable, Sendable, Codable {
    /// Whether ranks are lost; else they are behind, or launched something else.
    package var isLoss: Bool
    /// Ranks of the job, where they are known.
    package var ranks: RankSet
    /// A sentence, without its full stop.
    package var text: String

    /// What one answer says. Counts that differ at one moment are usual: who is lost is sure, who is behind is a hint.
    package static func signs(in status: RASStatus) -> Set<RASSign> {
        var watch = RASWatch(confirmation: .zero)
        let now = ContinuousClock.now
        _ = watch.look(at: status, now: now)
        return Set(
            watch.look(at: status, now: now).map {
                RASSign(isLoss: $0.kind == .lost, ranks: $0.jobRanks ?? RankSet(), text: $0.text)
            })
    }
}
