/// Names of what is measured. In JSON as `GET /api/v1/series` answers.
package struct SeriesPage: Hashable, Sendable, Codable {
    package struct Series: Hashable, Sendable, Codable {
        package var name: String
        package var unit: String?
        /// Of how many ranks and labels there is one.
        package var streams: Int
        package var last: Double?
    }

    package var series: [Series]
    package var next: String?
}

/// Which samples are wanted. In the API, the parameters of `GET /api/v1/samples`.
package struct SampleQuestion: Hashable, Sendable {
    package var name: String
    package var since: Double
    package var until: Double
    package var points = 300
    /// Empty: of all.
    package var nodeRanks: [Int] = []
    package var ranks: [Int] = []

    package static let mostPoints = 2000
    package static let mostRows = 200

    package init(name: String, since: Double, until: Double) {
        self.name = name
        self.since = since
        self.until = until
    }
}

/// A series of all ranks over time. In JSON as `GET /api/v1/samples` answers.
package struct SampleAnswer: Hashable, Sendable, Codable {
    package struct Row: Hashable, Sendable, Codable {
        package var key: String
        package var nodeRank: Int
        package var rank: Int?
        package var labels: [String: String]
        /// Of each bucket the mean; `nil` without a sample.
        package var values: [Double?]
        package var last: Double?

        enum CodingKeys: String, CodingKey {
            case key, rank, labels, values, last
            case nodeRank = "node_rank"
        }
    }

    package var name: String
    package var since: Double
    package var until: Double
    package var bucketSeconds: Double
    package var rows: [Row]
    package var slowest: String?
    package var leftOut: Int

    enum CodingKeys: String, CodingKey {
        case name, since, until, rows, slowest
        case bucketSeconds = "bucket_seconds"
        case leftOut = "left_out"
    }
}
