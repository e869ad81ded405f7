package import Hang
private import SystemSupport

/// How the trainings of this node go, as evidence: a piece for each, JSON of its `ProgressSnapshot`.
package struct ProgressEvidence: EvidenceSource {
    private let watched: ProgressWatch

    package init(_ watched: ProgressWatch) {
        self.watched = watched
    }

    package func collect(
        until deadline: ContinuousClock.Instant, _ take: @Sendable (EvidencePiece) async -> Void
    ) async {
        let trainings = watched.snapshots
        guard !trainings.isEmpty else {
            return await take(
                .missing(
                    .progress, source: "the followed logs", time: WallClock.seconds(),
                    because:
                        "no followed log has shown a step yet; logs.files says which are followed, progress.profiles how "
                        + "their lines look"))
        }
        for training in trainings {
            await take(
                EvidencePiece(
                    kind: .progress, rank: training.rank, source: training.path, time: WallClock.seconds(),
                    content: ProgressText.bytes(training)))
        }
    }
}
