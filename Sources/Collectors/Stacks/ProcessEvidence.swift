package import Hang

/// What `/proc` shows of every rank, those that have ended too: state, and where each thread is in the kernel. Takes milliseconds, and attaches to
/// nothing.
package struct ProcessEvidence: EvidenceSource {
    /// How many ranks are looked at at once.
    private static let width = 8

    private let ranks: LocalRanks
    private let ladder: StackLadder

    package init(ranks: LocalRanks, ladder: StackLadder) {
        self.ranks = ranks
        self.ladder = ladder
    }

    package func collect(
        until deadline: ContinuousClock.Instant, _ take: @Sendable (EvidencePiece) async -> Void
    ) async {
        let processes = await ranks.look(patience: min(.seconds(2), ContinuousClock.now.duration(to: deadline)))
        let ladder = ladder
        await SideBySide.run(processes, width: Self.width) { process in
            let source = "/proc of process \(process.pid)"
            guard ContinuousClock.now < deadline else { return process.missing(.process, source, EvidenceTime.over) }
            return await ladder.look(at: process).stacks.piece(.process, from: source)
        } _: { piece in
            await take(piece)
        }
    }
}
