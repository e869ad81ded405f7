import Hang
import Synchronization

/// Keeps pieces of evidence.
final class Taken: Sendable {
    private let kept = Mutex<[EvidencePiece]>([])

    var pieces: [EvidencePiece] { kept.withLock { $0 } }

    func add(_ piece: EvidencePiece) { kept.withLock { $0.append(piece) } }
}
