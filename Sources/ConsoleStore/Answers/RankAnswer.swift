/// How a rank's training goes.
package enum RankState: String, Hashable, Sendable, Codable {
    case running, slow, silent, hang, failed, finished, unknown
}

/// A row of the overview. In JSON an element of `ranks` of `GET /api/v1/ranks`.
package struct RankAnswer: Hashable, Sendable, Codable {
    package var key: String
    package var nodeRank: Int
    package var rank: Int?
    package var lastLine: Double?
    package var lines: Int64
    package var step: Double?
    package var stepSeconds: Double?
    package var lastStep: Double?
    package var state: RankState
    package var alarm: String?

    enum CodingKeys: String, CodingKey {
        case key, rank, lines, step, state, alarm
        case nodeRank = "node_rank"
        case lastLine = "last_line"
        case stepSeconds = "step_seconds"
        case lastStep = "last_step"
    }
}

/// Ranks × time. In JSON as `GET /api/v1/heatmap` answers.
package struct HeatmapAnswer: Hashable, Sendable, Codable {
    package struct Row: Hashable, Sendable, Codable {
        package var key: String
        package var nodeRank: Int
        package var rank: Int?
        package var state: RankState
        /// Of each bucket the mean; `nil` without a step.
        package var stepSeconds: [Double?]
        /// `nil` where envelopes are missing.
        package var lines: [Int64?]
        /// 0 nothing, 1 an alarm, 2 a hang, 3 a failure.
        package var marks: [Int]

        enum CodingKeys: String, CodingKey {
            case key, rank, state, lines, marks
            case nodeRank = "node_rank"
            case stepSeconds = "step_seconds"
        }
    }

    package var since: Double
    package var until: Double
    package var bucketSeconds: Double
    package var rows: [Row]

    enum CodingKeys: String, CodingKey {
        case since, until, rows
        case bucketSeconds = "bucket_seconds"
    }
}

/// What a training's attempts came to. In JSON an element of `attempts` of `GET /api/v1/attempts`.
package struct AttemptAnswer: Hashable, Sendable, Codable {
    package var run: String?
    package var attempt: Int
    package var nodeRank: Int
    package var first: Double
    package var last: Double
    package var steps: Double?
    package var lostSeconds: Double?
    package var goodput: Double?

    enum CodingKeys: String, CodingKey {
        case run, attempt, first, last, steps, goodput
        case nodeRank = "node_rank"
        case lostSeconds = "lost_seconds"
    }
}
