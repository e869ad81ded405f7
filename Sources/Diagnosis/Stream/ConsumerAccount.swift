/// What a named consumer tells a publisher: for each lane how far it has got and what became of the envelopes, and its own state.
///
/// It is the JSON of a `commit` on the replay socket (`docs/wire-format.md`). A program that keeps no ledger gives only `through`.
public struct ConsumerAccount: Hashable, Sendable, Codable {
    /// One lane.
    public struct Lane: Hashable, Sendable, Codable {
        /// With the publisher, the lane.
        public var dataType: DiagnosisDataType
        /// Where the account begins: nothing before it was ever this consumer's. `nil` where no ledger is kept.
        public var origin: LanePosition?
        /// The cursor: everything up to here is finished and recorded on disk.
        public var through: LanePosition
        /// How many after the cursor are finished too. They are included in the counts below.
        public var ahead: UInt64 = 0
        /// How many were accepted.
        public var delivered: UInt64?
        /// How many were skipped, by rule.
        public var skipped: [String: UInt64]?
        /// How many were lost, by reason.
        public var lost: [String: UInt64]?
        /// How many of the delivered were changed on the way, by what was done to them.
        public var changed: [String: UInt64]?

        /// Makes an account without counts.
        public init(dataType: DiagnosisDataType, through: LanePosition) {
            self.dataType = dataType
            self.through = through
        }

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case origin, through, ahead, delivered, skipped, lost, changed
        }

        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            dataType = try values.decode(DiagnosisDataType.self, forKey: .dataType)
            origin = try values.decodeIfPresent(LanePosition.self, forKey: .origin)
            through = try values.decode(LanePosition.self, forKey: .through)
            ahead = try values.decodeIfPresent(UInt64.self, forKey: .ahead) ?? 0
            delivered = try values.decodeIfPresent(UInt64.self, forKey: .delivered)
            skipped = try values.decodeIfPresent([String: UInt64].self, forKey: .skipped)
            lost = try values.decodeIfPresent([String: UInt64].self, forKey: .lost)
            changed = try values.decodeIfPresent([String: UInt64].self, forKey: .changed)
        }
    }

    /// Its name; for a master's reporter the master's canonical URL.
    public var consumer: String
    /// One entry a lane.
    public var lanes: [Lane]
    /// The consumer's state, for people: of its breaker, its last error, and whatever else it wants to show.
    public var state: [String: String]

    /// Makes an account.
    public init(consumer: String, lanes: [Lane] = [], state: [String: String] = [:]) {
        self.consumer = consumer
        self.lanes = lanes
        self.state = state
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        consumer = try values.decode(String.self, forKey: .consumer)
        lanes = try values.decodeIfPresent([Lane].self, forKey: .lanes) ?? []
        state = try values.decodeIfPresent([String: String].self, forKey: .state) ?? [:]
    }
}
