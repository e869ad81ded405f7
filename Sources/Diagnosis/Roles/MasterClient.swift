/// Takes diagnosis data: a master's client, or the publisher of the bus (reporting is then publishing).
///
/// It is the arobust guide's interface. A collector works with any conforming type, with or without a bus.
public protocol MasterClient: Sendable {
    /// Reports `metrics` in their order and returns once they are accepted.
    ///
    /// - Parameter position: how far the collector has got with these metrics. A client that can store it does so together with them, and
    ///   `lastPosition(of:)` then returns it. A master's client has nowhere to keep it and ignores it.
    /// - Throws: `ReportError` if one of them was not accepted; those before it may have been.
    func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws

    /// The last position that was stored for `key`; `nil` if there is none or this client keeps none.
    func lastPosition(of key: String) async -> SourcePosition?
}

extension MasterClient {
    /// Reports one metric: the guide's `report_diagnosis_agent_metrics(data)`.
    ///
    /// - Throws: `ReportError` if it was not accepted.
    public func reportDiagnosisAgentMetrics(_ metric: WorkerTrainingMetric) async throws {
        try await reportDiagnosisAgentMetrics([metric], position: nil)
    }

    /// `nil`: keeps no positions.
    public func lastPosition(of key: String) async -> SourcePosition? { nil }
}

/// How far a collector has got in its source: stored together with the metrics before it, so that both survive or neither.
///
/// Only the collector that made it understands `bytes`.
public struct SourcePosition: Hashable, Sendable {
    /// Names the source, for example `log:/var/log/train.log`. One publisher holds one position for each key.
    public var key: String
    /// The collector's own form of the position.
    public var bytes: [UInt8]

    /// Makes a position.
    public init(key: String, bytes: [UInt8]) {
        self.key = key
        self.bytes = bytes
    }
}

/// A master's client that can send heartbeats.
///
/// To DLRover's master of a distributed job a heartbeat is more than a sign of life: it takes the node's actions off the master's queue,
/// so that the node's own agent never sees them, and a node that has sent one and then falls silent for 600 s is declared failed.
package protocol HeartbeatSender: Sendable {
    /// Sends one heartbeat in the name of `node`.
    ///
    /// - Parameter time: whole seconds since 1970.
    /// - Returns: what the master wants done; `nil` if nothing.
    func sendHeartbeat(at time: Int64, node: NodeIdentity) async throws(ReportError) -> DiagnosisActionNote?
}

/// What a DLRover master wants a node to do, as it came with the answer to a heartbeat.
package struct DiagnosisActionNote: Hashable, Sendable {
    /// The name of DLRover's class: `NodeAction`, `EventAction`, `JobAbortionAction`.
    package var actionClass: String
    /// The action's JSON text, unread.
    package var content: String

    package init(actionClass: String, content: String) {
        self.actionClass = actionClass
        self.content = content
    }
}

/// A client that has a disk, and can wait until what is reported is safe on it.
package protocol UrgentReporter: MasterClient {
    /// Reports `metrics`, and returns once they survive a power failure as well.
    ///
    /// - Throws: `ReportError` if they were not accepted. A disk that can't be synced is logged, since they are on their way.
    func reportUrgently(_ metrics: [WorkerTrainingMetric]) async throws
}

/// A master's client that can report failures.
package protocol FailureReporter: Sendable {
    /// Reports the failure, and returns once the master has taken it.
    func reportFailures(_ failure: NodeFailure) async throws(ReportError)
}

/// What a node tells its master about a failure of the training: DLRover's `NodeFailure` (`dlrover/python/common/comm.py`).
///
/// A master may act on it: `node_error` relaunches the node, and the text becomes the node's exit reason.
package struct NodeFailure: Hashable, Sendable {
    /// How bad it is: DLRover's `TrainingExceptionLevel` (`dlrover/python/common/constants.py`), open for newer ones.
    package struct Level: RawRepresentable, Hashable, Sendable {
        package let rawValue: String

        package init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// A training process failed: the master keeps the text and does nothing else.
        package static let processError = Level(rawValue: "process_error")
        /// The node failed: the master relaunches it, and may keep the job off its host.
        package static let nodeError = Level(rawValue: "node_error")
        /// A rendezvous failed. The text must be a JSON object with the keys that the master reads.
        package static let rendezvousError = Level(rawValue: "rdzv_error")
        package static let warning = Level(rawValue: "warning")
        package static let info = Level(rawValue: "info")
        package static let error = Level(rawValue: "error")
    }

    /// What happened; DLRover's agent sends a JSON object with a key for each rank that failed.
    package var errorData: String
    /// How often the training was restarted before. A master keeps the first `process_error` of each count.
    package var restartCount: Int
    package var level: Level
    /// Whose failure it is.
    package var node: NodeIdentity

    package init(errorData: String, restartCount: Int, level: Level = .processError, node: NodeIdentity) {
        self.errorData = errorData
        self.restartCount = restartCount
        self.level = level
        self.node = node
    }
}
