/// What is wrong now, how fresh that is, and how full the store is. In JSON as `GET /api/v1/overview` answers, all but `job`.
package struct OverviewAnswer: Hashable, Sendable, Codable {
    package enum Level: String, Hashable, Sendable, Codable {
        case ok, warning, critical
        /// Nobody has reported anything yet.
        case nothing
    }

    /// One thing that is wrong, or that all is well.
    package struct Verdict: Hashable, Sendable, Codable {
        package var level: Level
        /// A sentence.
        package var text: String
        package var since: Double?
        /// A route of the page, `#/incidents/ID`.
        package var link: String?

        package init(level: Level, text: String, since: Double? = nil, link: String? = nil) {
            self.level = level
            self.text = text
            self.since = since
            self.link = link
        }
    }

    package struct Freshness: Hashable, Sendable, Codable {
        package struct Silent: Hashable, Sendable, Codable {
            package var nodeRank: Int
            package var lastHeard: Double

            enum CodingKeys: String, CodingKey {
                case nodeRank = "node_rank"
                case lastHeard = "last_heard"
            }
        }

        package var nodes: Int
        package var heard: Int
        package var withinSeconds: Double
        /// At most 100.
        package var silent: [Silent]

        enum CodingKeys: String, CodingKey {
            case nodes, heard, silent
            case withinSeconds = "within_seconds"
        }
    }

    package struct Store: Hashable, Sendable, Codable {
        package var bytes: Int64
        package var limitBytes: Int64
        /// The time of the oldest line.
        package var oldest: Double?
        package var lines: Int64

        enum CodingKeys: String, CodingKey {
            case bytes, oldest, lines
            case limitBytes = "limit_bytes"
        }
    }

    package var now: Double
    package var verdict: Verdict
    /// The most important first; at most 20.
    package var others: [Verdict]
    package var freshness: Freshness
    package var lastLineID: Int64
    package var store: Store

    enum CodingKeys: String, CodingKey {
        case now, verdict, others, freshness, store
        case lastLineID = "last_line_id"
    }
}
