package import Hang
internal import SystemSupport

/// Hands in what NCCL's RAS says when a hang is suspected: one piece for each address, all asked at once.
package struct RASEvidence: EvidenceSource {
    private let target: RASTarget?

    /// - Parameter target: `nil`: RAS is not to be asked, which the piece says.
    package init(target: RASTarget?) {
        self.target = target
    }

    package func collect(
        until deadline: ContinuousClock.Instant, _ take: @Sendable (EvidencePiece) async -> Void
    ) async {
        guard let target else {
            await take(
                .missing(
                    .ras, source: "NCCL's RAS", time: WallClock.seconds(),
                    because: "RAS is not asked; ras.address: auto, or the address, would allow it"))
            return
        }
        let found = await PinnedThread.run(name: "ras", patience: max(.zero, deadline - .now)) { target.addresses() }
        guard let addresses = found, !addresses.isEmpty else {
            let reason =
                found == nil
                ? "the processes of this node could not be looked at in time"
                : "no training process that this user may look at runs here; ras.address can name RAS's address"
            await take(.missing(.ras, source: "NCCL's RAS", time: WallClock.seconds(), because: reason))
            return
        }
        await withTaskGroup(of: EvidencePiece.self) { group in
            for address in addresses.prefix(16) { group.addTask { await Self.piece(of: address, until: deadline) } }
            for await piece in group { await take(piece) }
        }
    }

    private static func piece(of address: RASAddress, until deadline: ContinuousClock.Instant) async -> EvidencePiece {
        let time = WallClock.seconds()
        let source = "NCCL's RAS at \(address)"
        do throws(RASError) {
            let answer = try await RASClient(address: address).status(until: deadline)
            return EvidencePiece(
                kind: .ras, source: source, time: time,
                content: answer.isJSON ? RASJSON.mended(answer.content) : answer.content)
        } catch {
            return .missing(.ras, source: source, time: time, because: "\(error)")
        }
    }
}
