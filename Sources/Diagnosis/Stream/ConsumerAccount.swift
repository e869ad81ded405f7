/// What a named consumer says of itself to a publisher: for each lane how far it is, and what became of the envelopes; and how it fares.
///
/// It is the JSON of a `commit` on the replay socket (`docs/wire-format.md`). A program that keeps no ledger gives only `through`.
public struct ConsumerAccount: Hashable, Sendable, Codable {
    /// One lane.
    public struct Lane: Hashable, Sendable, Codable {
        public var dataType: DiagnosisDataType
        /// Where the account begins: what came before was never this consumer's.
        public var origin: LanePosition?
        /// The cursor: everything up to here is finished, durably.
        public var through: LanePosition
        /// How many after the cursor are finished too. They are in the counts below.
        public var ahead: UInt64 = 0
        public var delivered: UInt64?
        /// By rule.
        public var skipped: [String: UInt64]?
        /// By reason.
        public var lost: [String: UInt64]?
        /// How many of the delivered it took other than they were published, by what was done.
        public var changed: [String: UInt64]?

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
    public var lanes: [Lane]
    /// How it fares, for people: the state of its breaker, its last error, and whatever else it has to say.
    public var state: [String: String]

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
