package import Diagnosis

/// Which lines are wanted. In the API, the parameters of `GET /api/v1/logs`.
package struct LogQuestion: Hashable, Sendable {
    /// Empty: of all.
    package var nodeRanks: [Int] = []
    package var ranks: [Int] = []
    package var types: [String] = []
    /// Words that a line must hold, each at the beginning of a word; what is between quotes is a phrase.
    package var query: String?
    package var since: Double?
    package var until: Double?
    /// Only lines that a rule of failures hits.
    package var marked = false
    package var limit = 200
    /// `LogPage.next` of the page before.
    package var after: String?
    package var descending = false
    /// Lines with a larger id only, in order of id; `after` and `descending` don't matter then.
    package var newer: Int64?

    package static let mostLines = 5000

    package init() {}
}

/// A line of a log, another envelope's text, or a gap. In JSON an element of `lines` of `GET /api/v1/logs`.
package struct LogEntry: Hashable, Sendable, Codable {
    package struct Mark: Hashable, Sendable, Codable {
        package var rule: String
        package var title: String
    }

    package struct Gap: Hashable, Sendable, Codable {
        package var from: LanePosition
        package var through: LanePosition
        package var count: Int64
    }

    package var id: Int64
    package var time: Double
    package var nodeRank: Int
    package var rank: Int?
    package var type: String
    package var text: String
    package var truncated: Bool
    package var mark: Mark?
    package var gap: Gap?

    enum CodingKeys: String, CodingKey {
        case id, time, rank, type, text, truncated, mark, gap
        case nodeRank = "node_rank"
    }
}

/// Lines in order. In JSON as `GET /api/v1/logs` answers.
package struct LogPage: Hashable, Sendable, Codable {
    package var lines: [LogEntry]
    /// Where to go on; `nil`: that was all.
    package var next: String?
    /// With `newer`: the last id that was looked at.
    package var lastID: Int64?

    enum CodingKeys: String, CodingKey {
        case lines, next
        case lastID = "last_id"
    }
}

/// One whole line and what its stream says around it. In JSON as `GET /api/v1/logs/ID` answers.
package struct LineAnswer: Hashable, Sendable, Codable {
    package var line: LogEntry
    package var before: [LogEntry]
    package var after: [LogEntry]
}
