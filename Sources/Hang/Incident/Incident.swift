/// An incident as it was recorded: whole, or as far as it got.
package struct Incident: Hashable, Sendable {
    package var id: String
    /// The node's rank; empty if unknown.
    package var node: String
    /// When it began, in whole seconds since 1970.
    package var begun: Int64
    package var triggers: [HangSuspicion] = []
    package var pieces: [EvidencePiece] = []
    /// `nil`: it is under way, or was cut short.
    package var end: IncidentRecord.End?

    package init(id: String, node: String, begun: Int64) {
        self.id = id
        self.node = node
        self.begun = begun
    }

    package mutating func add(_ record: IncidentRecord) {
        triggers += record.triggers ?? []
        if let piece = record.piece { pieces.append(piece) }
        if let end = record.end { self.end = end }
    }

    /// What its pieces come to.
    package var evidence: HangEvidence {
        var reader = EvidenceReader()
        // The node's own summary is made of the other pieces.
        for piece in pieces where piece.kind != .summary { reader.add(piece, node: node) }
        return reader.evidence
    }
}
