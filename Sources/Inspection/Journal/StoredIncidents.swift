internal import Diagnosis
package import Hang
internal import Journal
internal import ZMQBridge

extension StoredJournal {
    /// A piece's envelope is larger than this only if somebody else made it.
    private static let longestRecord = 128 << 20

    /// The incidents in the journal, the oldest first. Of the pieces of those that are not wanted, only the number is kept.
    ///
    /// - Parameter isWanted: whose pieces to keep.
    /// - Throws: `JournalError` if a file can't be read. No lane of incidents is no error.
    package func incidents(keepingPiecesOf isWanted: (String) -> Bool = { _ in false }) throws -> [StoredIncident] {
        guard let lane = journal.lanes.first(where: { $0.name == DiagnosisDataType.incident.rawValue }) else {
            return []
        }
        var found: [String: StoredIncident] = [:]
        var order: [String] = []
        let reader = journal.reader(lane: lane.name, after: nil)
        while let item = try reader.next() {
            guard case .record(let record) = item else { continue }
            try? EnvelopeRecord.read(record.payload, first: record.first, count: Int(record.count)) { envelope in
                guard envelope.body.count <= Self.longestRecord, let metric = try? MetricBody(checking: envelope.body),
                    var part = IncidentRecord(content: metric.content)
                else { return true }
                let key = "\(metric.node.rank) \(part.incident)"
                if found[key] == nil {
                    found[key] = StoredIncident(
                        Incident(id: part.incident, node: "\(metric.node.rank)", begun: envelope.collectionTime))
                    order.append(key)
                }
                if let piece = part.piece {
                    found[key]?.pieces += 1
                    if piece.missing != nil { found[key]?.missing += 1 }
                    if !isWanted(part.incident) { part.piece = nil }
                }
                found[key]?.incident.add(part)
                return true
            }
        }
        return order.compactMap { found[$0] }
    }
}

/// An incident of a journal, maybe without its pieces.
package struct StoredIncident: Sendable {
    package var incident: Incident
    /// How many pieces it has.
    package var pieces = 0
    /// Of these, those that could not be had.
    package var missing = 0

    init(_ incident: Incident) {
        self.incident = incident
    }
}
