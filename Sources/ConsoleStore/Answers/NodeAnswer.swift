package import Diagnosis

/// A node that has reported. In JSON an element of `nodes` of `GET /api/v1/nodes`.
package struct NodeAnswer: Hashable, Sendable, Codable {
    package var key: String
    package var nodeType: String
    package var nodeRank: Int
    package var nodeID: Int?
    package var host: String?
    /// `nil` for a node of DLRover's wire.
    package var publisher: String?
    package var version: String?
    package var source: ReportSource
    package var lastHeard: Double
    package var lagSeconds: Double?
    package var received: Int64
    package var duplicates: Int64
    package var missing: Int64

    enum CodingKeys: String, CodingKey {
        case key, host, publisher, version, source, received, duplicates, missing
        case nodeType = "node_type"
        case nodeRank = "node_rank"
        case nodeID = "node_id"
        case lastHeard = "last_heard"
        case lagSeconds = "lag_seconds"
    }
}

/// How a report came.
package enum ReportSource: String, Hashable, Sendable, Codable {
    case arobust, dlrover
    case stateDirectory = "state-dir"
}

/// What a node tells of itself beside its envelopes. What is `nil` leaves what is known.
package struct NodeReport: Hashable, Sendable {
    package var identity: NodeIdentity
    package var source: ReportSource
    package var publisher: PublisherID?
    package var host: String?
    package var version: String?
    package var accounts: [ConsumerAccount]?

    package init(
        identity: NodeIdentity, source: ReportSource, publisher: PublisherID? = nil, host: String? = nil,
        version: String? = nil, accounts: [ConsumerAccount]? = nil
    ) {
        self.identity = identity
        self.source = source
        self.publisher = publisher
        self.host = host
        self.version = version
        self.accounts = accounts
    }
}

/// What the console sees of each node's delivery. In JSON as `GET /api/v1/delivery` answers.
package struct DeliveryAnswer: Hashable, Sendable, Codable {
    package struct Lane: Hashable, Sendable, Codable {
        package var dataType: String
        package var epoch: UInt64
        package var sequence: UInt64
        package var received: Int64
        package var duplicates: Int64
        package var missing: Int64
        package var lastHeard: Double
        package var lagSeconds: Double?

        enum CodingKeys: String, CodingKey {
            case epoch, sequence, received, duplicates, missing
            case dataType = "data_type"
            case lastHeard = "last_heard"
            case lagSeconds = "lag_seconds"
        }
    }

    package struct Consumer: Hashable, Sendable, Codable {
        package var name: String
        package var delivered: UInt64
        package var skipped: [String: UInt64]
        package var lost: [String: UInt64]
        package var pending: Int64?
        package var state: [String: String]
    }

    package struct Node: Hashable, Sendable, Codable {
        package var key: String
        package var nodeRank: Int
        package var publisher: String?
        package var lanes: [Lane]
        package var consumers: [Consumer]

        enum CodingKeys: String, CodingKey {
            case key, publisher, lanes, consumers
            case nodeRank = "node_rank"
        }
    }

    package struct Gap: Hashable, Sendable, Codable {
        package var nodeRank: Int
        package var dataType: String
        package var from: LanePosition
        package var through: LanePosition
        package var count: Int64
        package var time: Double
        /// The id of the line that stands for it among the lines; `nil`: that is dropped.
        package var line: Int64?

        enum CodingKeys: String, CodingKey {
            case from, through, count, time, line
            case nodeRank = "node_rank"
            case dataType = "data_type"
        }
    }

    package var nodes: [Node]
    /// The newest first, at most 1,000.
    package var gaps: [Gap]
}
