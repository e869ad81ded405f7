package import Hang
internal import SystemSupport

/// The stacks of every rank, several times: equal ones over time tell a rank that is stuck from one that is slow.
package struct StackEvidence: EvidenceSource {
    /// How many processes are asked at once: each may take a py-spy, and the processors are the training's.
    private static let width = 4
    /// Samples are at most this far apart.
    private static let longestPause: Duration = .seconds(2)

    private let ranks: LocalRanks
    private let ladder: StackLadder
    private let samples: Int

    /// - Parameter samples: how many a rank, from 1 on.
    package init(ranks: LocalRanks, ladder: StackLadder, samples: Int = 3) {
        self.ranks = ranks
        self.ladder = ladder
        self.samples = max(1, samples)
    }

    package func collect(
        until deadline: ContinuousClock.Instant, _ take: @Sendable (EvidencePiece) async -> Void
    ) async {
        let processes = await ranks.look(patience: min(.seconds(2), ContinuousClock.now.duration(to: deadline)))
        let start = ContinuousClock.now
        let pause = min(Self.longestPause, start.duration(to: deadline) / samples)
        for sample in 0..<samples {
            let time = start.advanced(by: pause * sample)
            // Cancelled: the rest is told of as missing.
            try? await Task.sleep(until: time, clock: .continuous)
            // A sample that is slow takes the time of those after it, but the first must leave some for the others' first.
            let left = ContinuousClock.now.duration(to: deadline)
            let end =
                sample == samples - 1
                ? deadline : .now.advanced(by: max(left / (samples - sample), min(left, .seconds(3))))
            await round(sample, processes, until: end, take)
        }
    }

    private func round(
        _ sample: Int, _ processes: [RankProcess], until end: ContinuousClock.Instant,
        _ take: @Sendable (EvidencePiece) async -> Void
    ) async {
        let ladder = ladder
        let number = "sample \(sample + 1) of \(samples)"
        await SideBySide.run(processes, width: Self.width) { process in
            guard ContinuousClock.now < end, !Task.isCancelled else {
                return process.missing(.stacks, "stacks of process \(process.pid), \(number)", EvidenceTime.over)
            }
            let outcome = await ladder.stacks(of: process, until: end)
            let source = "\(outcome.stacks.source) of process \(process.pid), \(number)"
            // Without Python's stacks the kernel's are something to go by, and the reasons stand beside them.
            guard outcome.content != .none, !outcome.stacks.threads.isEmpty else {
                let reasons = outcome.stacks.withoutSecrets().refusals.joined(separator: "; ")
                return process.missing(.stacks, "stacks of process \(process.pid), \(number)", reasons)
            }
            return outcome.stacks.piece(.stacks, from: source)
        } _: { piece in
            await take(piece)
        }
    }
}

/// What is said where the time is over.
enum EvidenceTime {
    static let over = "no time was left; a longer incident deadline, or fewer ranks on the node, would leave some"
}

extension RankProcess {
    /// A piece that could not be had of this process.
    func missing(_ kind: EvidencePiece.Kind, _ source: String, _ reason: String) -> EvidencePiece {
        .missing(kind, rank: rank, source: source, time: WallClock.seconds(), because: reason)
    }
}
