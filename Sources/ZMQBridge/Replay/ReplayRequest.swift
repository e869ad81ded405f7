internal import Diagnosis

/// What a consumer asks the replay socket for: `docs/wire-format.md`, "Replay".
struct ReplayRequest: Hashable, Codable {
    enum Operation: String, Codable {
        case replay, commit, forget, status
    }

    var op: Operation
    /// `replay`: the lane.
    var dataType: DiagnosisDataType?
    /// `replay`: what follows this place. With none of `after`, `since` and `last`: from the oldest on.
    var after: LanePosition?
    var since: Int64?
    var last: UInt64?
    /// `replay`: up to here there was something; what is not there is stated as a gap.
    var through: LanePosition?
    /// `replay`: how many bytes of bodies the consumer takes.
    var credit: Int?
    /// `commit` and `forget`.
    var consumer: String?
    /// `commit`.
    var lanes: [ConsumerAccount.Lane]?
    var state: [String: String]?

    enum CodingKeys: String, CodingKey {
        case op
        case dataType = "data_type"
        case after, since, last, through, credit, consumer, lanes, state
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
