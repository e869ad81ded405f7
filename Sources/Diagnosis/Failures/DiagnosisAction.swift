/// What should be done about a failure: DLRover's actions (`dlrover/python/diagnosis/common/diagnosis_action.py`, 0.6.1).
public enum DiagnosisAction: Hashable, Sendable {
    /// What an agent does with its node.
    public enum NodeOperation: String, Hashable, Sendable {
        /// Start the ranks again on the same node.
        case restartWorker = "restart_worker"
        /// Give up the node and start on another one.
        case relaunchWorker = "relaunch_worker"
    }

    /// Do nothing.
    case noAction
    /// Report it, change nothing.
    case event(type: String, action: String, message: String, labels: [String: String])
    /// Restart the ranks, or replace the node.
    case node(NodeOperation, node: NodeIdentity, reason: String)
    /// End the job: it would fail again anywhere.
    case jobAbortion(reason: String, message: String)

    /// DLRover's name for it: `no_action`, `event`, `restart_worker`, `relaunch_worker` or `job_abortion`.
    public var type: String {
        switch self {
        case .noAction: "no_action"
        case .event: "event"
        case .node(let operation, _, _): operation.rawValue
        case .jobAbortion: "job_abortion"
        }
    }
}

extension DiagnosisAction {
    /// DLRover's numbers for the receiver of an action.
    private static let masterInstance: Int64 = -1
    private static let localInstance: Int64 = -3
    /// How long an action stays valid, in seconds.
    private static let expiry: Int64 = 300
    /// DLRover's `NoAction` has its default in milliseconds although the unit is seconds.
    private static let expiryOfNoAction: Int64 = 60_000

    /// The keys and values that DLRover's `to_json` writes.
    ///
    /// - Parameter timestamp: seconds since 1970.
    public func jsonMembers(timestamp: Int) -> [String: JSONValue] {
        var members: [String: JSONValue] = [
            "action_type": .string(type),
            "instance": .int(instance),
            "timestamp": .int(Int64(timestamp)),
            "expired_time_period": .int(self == .noAction ? Self.expiryOfNoAction : Self.expiry),
            "executable_time_period": .int(0),
        ]
        members.merge(membersOfCase) { $1 }
        return members
    }

    private var instance: Int64 {
        switch self {
        case .noAction, .node: Self.localInstance
        case .event, .jobAbortion: Self.masterInstance
        }
    }

    private var membersOfCase: [String: JSONValue] {
        switch self {
        case .noAction: [:]
        case .event(let type, let action, let message, let labels):
            [
                "event_type": .string(type), "event_instance": .string("-3"), "event_action": .string(action),
                "event_msg": .string(message), "event_labels": .object(labels.mapValues(JSONValue.string)),
            ]
        case .node(_, let node, let reason):
            [
                "node_id": .int(Int64(node.id)), "node_type": .string(node.type), "node_status": .string(""),
                "reason": .string(reason),
            ]
        case .jobAbortion(let reason, let message): ["reason": .string(reason), "msg": .string(message)]
        }
    }
}
