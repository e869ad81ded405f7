internal import Diagnosis

/// The bodies of what the replay socket says beside envelopes.
enum ReplayAnswer {
    /// Where an answer to `replay` begins.
    struct Start: Hashable, Codable {
        var dataType: DiagnosisDataType
        var after: LanePosition

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case after
        }
    }

    /// Envelopes that are gone.
    struct Gap: Hashable, Codable {
        var dataType: DiagnosisDataType
        var after: LanePosition
        var through: LanePosition
        var count: UInt64
        var reason: StreamGap.Reason

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case after, through, count, reason
        }
    }

    /// The end of an answer to `replay`.
    struct End: Hashable, Codable {
        var dataType: DiagnosisDataType
        /// How far the answer came.
        var through: LanePosition
        /// How far the lane is.
        var last: LanePosition
        /// Whether that was all there is; else the credit was used up.
        var complete: Bool

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case through, last, complete
        }
    }

    struct Failure: Hashable, Codable {
        var error: String
    }

    struct Done: Hashable, Codable {}
}
