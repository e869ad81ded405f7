/// An incident, with all that other nodes recorded of it. In JSON an element of `incidents` of `GET /api/v1/incidents`.
package struct IncidentSummary: Hashable, Sendable, Codable {
    package var id: String
    package var time: Double
    /// Whose incident the id is.
    package var nodeRank: Int
    package var nodes: [Int]
    package var sentence: String
    package var hang: Bool
    package var triggers: [String]
    package var pieces: Int
    package var missing: Int
    package var ended: Bool

    enum CodingKeys: String, CodingKey {
        case id, time, nodes, sentence, hang, triggers, pieces, missing, ended
        case nodeRank = "node_rank"
    }
}

package struct IncidentPage: Hashable, Sendable, Codable {
    package var incidents: [IncidentSummary]
    package var next: String?
}

/// In JSON as `GET /api/v1/incidents/ID` answers: the summary's keys, and these.
package struct IncidentAnswer: Hashable, Sendable, Encodable {
    package struct Collective: Hashable, Sendable, Codable {
        package var group: String
        package var operation: String
        package var missing: [Int]
        package var waiting: [Int]
    }

    package struct Piece: Hashable, Sendable, Codable {
        package var nodeRank: Int
        package var rank: Int?
        package var kind: String
        package var source: String
        package var time: Double
        package var bytes: Int
        /// Why there is none.
        package var missing: String?

        enum CodingKeys: String, CodingKey {
            case rank, kind, source, time, bytes, missing
            case nodeRank = "node_rank"
        }
    }

    package var summary: IncidentSummary
    /// The answer for people, a line each.
    package var text: [String]
    package var collectives: [Collective]
    package var pieces: [Piece]

    package init(summary: IncidentSummary, text: [String], collectives: [Collective], pieces: [Piece]) {
        self.summary = summary
        self.text = text
        self.collectives = collectives
        self.pieces = pieces
    }

    enum CodingKeys: String, CodingKey {
        case id, time, nodes, sentence, hang, triggers, missing, ended, text, collectives, pieces
        case nodeRank = "node_rank"
    }

    /// The summary's number of pieces gives way to the pieces.
    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(summary.id, forKey: .id)
        try values.encode(summary.time, forKey: .time)
        try values.encode(summary.nodeRank, forKey: .nodeRank)
        try values.encode(summary.nodes, forKey: .nodes)
        try values.encode(summary.sentence, forKey: .sentence)
        try values.encode(summary.hang, forKey: .hang)
        try values.encode(summary.triggers, forKey: .triggers)
        try values.encode(summary.missing, forKey: .missing)
        try values.encode(summary.ended, forKey: .ended)
        try values.encode(text, forKey: .text)
        try values.encode(collectives, forKey: .collectives)
        try values.encode(pieces, forKey: .pieces)
    }
}

/// Stacks over ranks. In JSON as `GET /api/v1/stacks` answers.
package struct StacksAnswer: Hashable, Sendable, Codable {
    package struct Group: Hashable, Sendable, Codable {
        /// Keys of rows.
        package var ranks: [String]
        package var count: Int
        /// Whether others wait for one of them.
        package var outlier: Bool
        /// The innermost frame first.
        package var text: [String]
        package var state: String
        package var note: String?
    }

    /// A frame with how many stacks go through it, the outermost first.
    package struct Flame: Hashable, Sendable, Codable {
        package var name: String
        package var value: Int
        package var children: [Flame]
    }

    package struct Side: Hashable, Sendable, Codable {
        package var key: String
        package var samples: [[String]]
    }

    package var time: Double?
    package var incident: String?
    package var samples: Int
    /// The smallest first.
    package var groups: [Group]
    package var flame: Flame?
    package var sides: [Side]

    package static let nothing = StacksAnswer(
        time: nil, incident: nil, samples: 0, groups: [], flame: nil, sides: [])
}

/// Lines that a rule of failures hits, as one. In JSON an element of `failures` of `GET /api/v1/failures`.
package struct FailureAnswer: Hashable, Sendable, Codable {
    package struct Evidence: Hashable, Sendable, Codable {
        /// The line's.
        package var id: Int64
        package var time: Double
        package var text: String
    }

    package var id: Int64
    package var time: Double
    package var nodeRank: Int
    package var rank: Int?
    package var rule: String
    package var title: String
    package var category: String
    package var action: String?
    package var count: Int
    /// The first, at most 20.
    package var evidence: [Evidence]

    enum CodingKeys: String, CodingKey {
        case id, time, rank, rule, title, category, action, count, evidence
        case nodeRank = "node_rank"
    }
}

package struct FailurePage: Hashable, Sendable, Codable {
    package var failures: [FailureAnswer]
    package var next: String?
}
