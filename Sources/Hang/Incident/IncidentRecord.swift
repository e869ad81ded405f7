private import FoundationEssentials

/// What one envelope of the type `INCIDENT` holds: a part of an incident's bundle. They are published one by one as they are collected, so that
/// what there was is there after a kill.
package struct IncidentRecord: Hashable, Sendable, Codable {
    /// Names the incident on its node: when it began, `20261130T014352Z-3f9a`.
    package var incident: String
    /// From 0, without gaps: the first has the triggers, the last the end.
    package var number: Int
    /// Of the first record: what it was begun for. Of a later one: what came while it was under way.
    package var triggers: [HangSuspicion]?
    package var piece: EvidencePiece?
    package var end: End?

    /// What the last record says.
    package struct End: Hashable, Sendable, Codable {
        /// In whole seconds since 1970.
        package var time: Int64
        package var hang: Bool
        /// The answer in one sentence.
        package var sentence: String
        package var pieces: Int
        /// Of these, those that could not be had.
        package var missing: Int

        package init(time: Int64, hang: Bool, sentence: String, pieces: Int, missing: Int) {
            self.time = time
            self.hang = hang
            self.sentence = sentence
            self.pieces = pieces
            self.missing = missing
        }
    }

    package init(incident: String, number: Int) {
        self.incident = incident
        self.number = number
    }

    /// - Returns: `nil` for what is no such record.
    package init?(content: String) {
        guard let record = try? JSONDecoder().decode(IncidentRecord.self, from: Data(content.utf8)) else { return nil }
        self = record
    }

    /// One line of JSON.
    package var content: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // It holds no number that JSON can't write.
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
