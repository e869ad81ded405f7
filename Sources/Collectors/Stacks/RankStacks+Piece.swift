private import FoundationEssentials
internal import Hang
internal import SystemSupport

extension RankStacks {
    /// As a piece of evidence, without secrets.
    ///
    /// - Parameter origin: where it came from, for people.
    func piece(_ kind: EvidencePiece.Kind, from origin: String) -> EvidencePiece {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Only texts and numbers: there is nothing that JSON can't say.
        let content = (try? encoder.encode(withoutSecrets())).map(Array.init) ?? []
        return EvidencePiece(kind: kind, rank: rank, source: origin, time: time / 1000, content: content)
    }
}
