package import Diagnosis

/// A publisher, its journal and its consumers: the answer to `status` on the replay socket, and what `PublisherInspection` works out
/// from the files when no publisher runs.
///
/// The account of every named consumer and lane balances: produced = delivered + skipped + lost + pending + unnoticed.
package struct PublisherStatus: Hashable, Sendable, Codable {
    /// The journal as a whole.
    package struct Journal: Hashable, Sendable, Codable {
        package var directory: String
        package var bytes: Int
        package var totalBytes: Int
        /// `process-crash` or `power-loss`.
        package var durability: String
        /// Why it can't be written now.
        package var problem: String?

        enum CodingKeys: String, CodingKey {
            case directory, bytes
            case totalBytes = "total_bytes"
            case durability, problem
        }
    }

    /// One lane of the publisher.
    package struct Lane: Hashable, Sendable, Codable {
        package var dataType: DiagnosisDataType
        /// The oldest that is retained.
        package var first: LanePosition?
        /// The newest that was published.
        package var last: LanePosition
        /// How many there ever were, as far as the publisher's records go.
        package var produced: UInt64
        /// How many are retained, and their bytes.
        package var retained: UInt64
        package var bytes: Int
        /// Collection times, seconds since 1970.
        package var oldestTime: Int64?
        package var newestTime: Int64?
        /// Bytes of the envelopes that were published in this run; `nil` where none runs, or an older one does.
        package var publishedBytes: UInt64?

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case first, last, produced, retained, bytes
            case oldestTime = "oldest_time"
            case newestTime = "newest_time"
            case publishedBytes = "published_bytes"
        }
    }

    /// A range that the journal no longer has, or never had.
    package struct Loss: Hashable, Sendable, Codable {
        package var dataType: DiagnosisDataType
        package var epoch: UInt64
        package var first: UInt64
        package var last: UInt64
        package var reason: StreamGap.Reason

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case epoch, first, last, reason
        }
    }

    /// A named consumer: its last account, and that compared with what the publisher has.
    package struct Consumer: Hashable, Sendable, Codable {
        package var account: ConsumerAccount
        /// When it last said something, seconds since 1970.
        package var heard: Int64
        package var lanes: [ConsumerLane]
        /// How fast it gets on; `nil` where that is not known yet, or nothing is to be done.
        package var pace: Pace?
    }

    /// How fast a consumer gets on, over the last half minute.
    package struct Pace: Hashable, Sendable, Codable {
        /// How many envelopes it finishes in a second: delivered, skipped and lost ones.
        package var finishedPerSecond: Double
        /// How many are published for it in a second.
        package var publishedPerSecond: Double
        /// How long what is pending takes at this pace; `nil` where it does not get less.
        package var secondsLeft: Double?

        enum CodingKeys: String, CodingKey {
            case finishedPerSecond = "finished_per_second"
            case publishedPerSecond = "published_per_second"
            case secondsLeft = "seconds_left"
        }
    }

    package struct ConsumerLane: Hashable, Sendable, Codable {
        package var dataType: DiagnosisDataType
        /// How many were published since the account's origin.
        package var produced: UInt64
        /// How many after the cursor the journal still has, counted from its records, without those finished ahead of the cursor.
        package var pending: UInt64
        package var pendingBytes: Int
        /// The collection time of the oldest that is pending.
        package var pendingSince: Int64?
        /// How many after the cursor are no longer in the journal, by reason: lost, unless the consumer has them in memory.
        package var unnoticed: [String: UInt64]

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case produced, pending
            case pendingBytes = "pending_bytes"
            case pendingSince = "pending_since"
            case unnoticed
        }
    }

    /// A consumer whose account is refused at present.
    package struct Refusal: Hashable, Sendable, Codable {
        package var consumer: String
        package var reason: String
        /// When it was refused last, seconds since 1970.
        package var time: Int64
        /// Whether it is certain that this is a master's reporter.
        package var isMaster: Bool

        enum CodingKeys: String, CodingKey {
            case consumer, reason, time
            case isMaster = "is_master"
        }
    }

    /// The bus over the network.
    package struct Network: Hashable, Sendable, Codable {
        /// Where envelopes are published, and where they are replayed.
        package var addresses: [String]
        /// By which clients know the publisher.
        package var publicKey: String
        /// How many clients' keys are authorized.
        package var keys: Int
        /// How many connections there are now.
        package var connections = 0
        /// Clients that were refused because their key is not authorized, in this run.
        package var refused: UInt64
        /// Connections that ended before the client had proved who it is: the refused ones, and those with a wrong key of the publisher, without
        /// CURVE, or too slow.
        package var unproved: UInt64 = 0
        /// Connections that were closed for a limit.
        package var closed: UInt64 = 0

        enum CodingKeys: String, CodingKey {
            case addresses
            case publicKey = "public_key"
            case keys, connections, refused, unproved, closed
        }
    }

    package var publisher: String
    package var epoch: UInt64
    /// When this was said, seconds since 1970.
    package var time: Int64
    package var journal: Journal
    package var lanes: [Lane]
    package var losses: [Loss]
    package var consumers: [Consumer]
    /// What else the running publisher can't do now, a sentence each. An older one says nothing of it.
    package var faults: [String]?
    /// `nil`: the publisher is of a version that does not say it.
    package var refused: [Refusal]?
    /// Where DLRover's own clients may call, as URLs; `nil`: nowhere, or the publisher is of a version that does not say it.
    package var listening: [String]?
    /// Since when the running process has its settings; `nil` where it does not say it, or none runs.
    package var settings: SettingsStanding?
    /// `nil`: the bus is not on the network.
    package var network: Network?
}
