package import Diagnosis

/// The calls of arobust's own masters: `docs/wire-format.md`, "To a console".
package enum ConsoleCalls {
    /// A `ReportMessage`, answered by a `ReportReceipt` once it is stored.
    package static let report = "/arobust.v1.Console/Report"
    /// A `NodeBeat` as JSON, answered by nothing.
    package static let beat = "/arobust.v1.Console/Beat"
    /// The metadata that says which job a node belongs to, as in DLRover's protocol.
    package static let job = "job_uid"
    /// The most bytes of a beat.
    package static let longestBeat = 4 << 20
}

/// What a node tells its console every few seconds, also when there is nothing to report.
package struct NodeBeat: Hashable, Sendable, Codable {
    /// The job, if the node knows it.
    package var job: String?
    package var nodeType: String
    package var nodeID: Int
    package var nodeRank: Int
    package var host: String
    /// arobust's.
    package var version: String
    /// The statuses of the publishers whose envelopes are reported, as the replay socket gives them (docs/wire-format.md, "Replay"), each a JSON
    /// text.
    package var publishers: [String]

    enum CodingKeys: String, CodingKey {
        case job, host, version, publishers
        case nodeType = "node_type"
        case nodeID = "node_id"
        case nodeRank = "node_rank"
    }

    package init(
        job: String?, nodeType: String, nodeID: Int, nodeRank: Int, host: String, version: String,
        publishers: [String]
    ) {
        self.job = job
        self.nodeType = nodeType
        self.nodeID = nodeID
        self.nodeRank = nodeRank
        self.host = host
        self.version = version
        self.publishers = publishers
    }
}

/// A master's client that can say that its node is there.
package protocol BeatSender: Sendable {
    /// - Throws: `ReportError` if the master has not taken it.
    func send(_ beat: NodeBeat) async throws(ReportError)
}
