public import Diagnosis

/// What a publisher says of itself, its journal and its consumers: the answer to `status` on the replay socket, and what
/// `JournalInspection` works out when no publisher runs.
///
/// The account of every named consumer and lane balances: produced = delivered + skipped + lost + pending + unnoticed.
public struct PublisherStatus: Hashable, Sendable, Codable {
    /// The journal as a whole.
    public struct Journal: Hashable, Sendable, Codable {
        public var directory: String
        public var bytes: Int
        public var totalBytes: Int
        /// `process-crash` or `power-loss`.
        public var durability: String
        /// Why it can't be written now.
        public var problem: String?

        enum CodingKeys: String, CodingKey {
            case directory, bytes
            case totalBytes = "total_bytes"
            case durability, problem
        }
    }

    /// One lane of the publisher.
    public struct Lane: Hashable, Sendable, Codable {
        public var dataType: DiagnosisDataType
        /// The oldest that is retained.
        public var first: LanePosition?
        /// The newest that was published.
        public var last: LanePosition
        /// How many there ever were, as far as the publisher's records go.
        public var produced: UInt64
        /// How many are retained, and their bytes.
        public var retained: UInt64
        public var bytes: Int
        /// Collection times, seconds since 1970.
        public var oldestTime: Int64?
        public var newestTime: Int64?

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case first, last, produced, retained, bytes
            case oldestTime = "oldest_time"
            case newestTime = "newest_time"
        }
    }

    /// A range that the journal no longer has, or never had.
    public struct Loss: Hashable, Sendable, Codable {
        public var dataType: DiagnosisDataType
        public var epoch: UInt64
        public var first: UInt64
        public var last: UInt64
        public var reason: StreamGap.Reason

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case epoch, first, last, reason
        }
    }

    /// A named consumer: its last account, and how that stands to what the publisher has.
    public struct Consumer: Hashable, Sendable, Codable {
        public var account: ConsumerAccount
        /// When it last said something, seconds since 1970.
        public var heard: Int64
        public var lanes: [ConsumerLane]
    }

    public struct ConsumerLane: Hashable, Sendable, Codable {
        public var dataType: DiagnosisDataType
        /// How many were published since the account's origin.
        public var produced: UInt64
        /// How many of those after the cursor can still be had, counted from journal records, without those already finished ahead.
        public var pending: UInt64
        public var pendingBytes: Int
        /// The collection time of the oldest that is pending.
        public var pendingSince: Int64?
        /// How many after the cursor are no longer in the journal, by reason: lost, unless the consumer has them in memory.
        public var unnoticed: [String: UInt64]

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case produced, pending
            case pendingBytes = "pending_bytes"
            case pendingSince = "pending_since"
            case unnoticed
        }
    }

    public var publisher: String
    public var epoch: UInt64
    /// When this was said, seconds since 1970.
    public var time: Int64
    public var journal: Journal
    public var lanes: [Lane]
    public var losses: [Loss]
    public var consumers: [Consumer]
}
