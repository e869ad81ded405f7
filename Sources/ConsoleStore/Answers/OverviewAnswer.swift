/// How fresh what is known is, and how full the store is.
package struct OverviewAnswer: Hashable, Sendable, Codable {
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
    package var freshness: Freshness
    package var lastLineID: Int64
    package var store: Store

    enum CodingKeys: String, CodingKey {
        case now, freshness, store
        case lastLineID = "last_line_id"
    }
}
