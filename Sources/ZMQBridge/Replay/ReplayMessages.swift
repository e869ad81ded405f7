internal import Diagnosis

/// What a consumer asks the replay socket for: `docs/wire-format.md`, "Replay".
struct ReplayRequest: Hashable, Codable {
    enum Operation: String, Codable {
        case replay, commit, forget, status, dump, reload
    }

    var op: Operation
    /// `replay`: the lane.
    var dataType: DiagnosisDataType?
    /// `replay`: what follows this position. With none of `after`, `since` and `last`: from the oldest on.
    var after: LanePosition?
    var since: Int64?
    var last: UInt64?
    /// `replay`: the consumer knows that there was something up to here; what is gone of it is stated as a gap.
    var through: LanePosition?
    /// `replay`: how many bytes of bodies the consumer takes.
    var credit: Int?
    /// `commit` and `forget`.
    var consumer: String?
    /// `commit`.
    var lanes: [ConsumerAccount.Lane]?
    var state: [String: String]?
    /// `dump`: why somebody asks, for people.
    var reason: String?
    /// `reload`: the reading whose outcome is asked for; none: another reading is asked for.
    var number: UInt64?

    enum CodingKeys: String, CodingKey {
        case op
        case dataType = "data_type"
        case after, since, last, through, credit, consumer, lanes, state, reason, number
    }

    init(_ op: Operation) {
        self.op = op
    }

    init(committing account: ConsumerAccount) {
        op = .commit
        consumer = account.consumer
        lanes = account.lanes
        state = account.state
    }
}

/// The bodies of the control messages of the replay socket.
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

    /// The answer to `reload`.
    struct Reload: Hashable, Codable {
        var number: UInt64
        /// None: it is not done yet.
        var result: SettingsReload?
    }

    /// The answer to `dump`.
    struct Begun: Hashable, Codable {
        var incident: String
    }
}

/// Why a publisher could not do what it was asked.
package struct ReplayError: Error, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
