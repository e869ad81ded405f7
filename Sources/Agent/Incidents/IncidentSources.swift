internal import Hang

/// What is asked for evidence, and in which order: what is soonest overwritten, and costs least, first.
struct IncidentSources: Sendable {
    /// One source and how much of the whole time it may take.
    struct Step: Sendable {
        var source: any EvidenceSource
        /// Of the time from the beginning to the deadline, by when it has to be done: 0 to 1.
        var share: Double

        init(_ source: any EvidenceSource, share: Double) {
            self.source = source
            self.share = share
        }
    }

    /// Whether a training may run here: `false` where the ranks that were seen have all ended.
    var isTrainingThere: @Sendable () async -> Bool = { true }
    /// Flight Recorders: one after another, before anything else, since their rings go on.
    var recorders: [Step] = []
    /// What takes its time elsewhere and stands in nobody's way: beside the rest.
    var beside: [Step] = []
    /// One after another: `/proc`, stacks, logs, the kernel's log.
    var rest: [Step] = []

    /// Flight Recorders once more: what has changed since says whether the training goes on.
    var last: [Step] = []

    /// - Parameter take: called for one piece at a time.
    func collect(
        until deadline: ContinuousClock.Instant, _ take: @escaping @Sendable (EvidencePiece) async -> Void
    ) async {
        let start = ContinuousClock.now
        @Sendable func run(_ steps: [Step]) async {
            for step in steps where !Task.isCancelled {
                await step.source.collect(until: start + (deadline - start) * step.share, take)
            }
        }
        await run(recorders)
        await withTaskGroup(of: Void.self) { group in
            for step in beside { group.addTask { await run([step]) } }
            group.addTask { await run(rest) }
        }
        await run(last)
    }
}
