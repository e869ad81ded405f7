public import Diagnosis

/// What is to be done about a failure: DLRover's actions (`dlrover/python/diagnosis/common/diagnosis_action.py`, 0.6.1).
public enum DiagnosisAction: Hashable, Sendable {
    /// What an agent does with its node.
    public enum NodeOperation: String, Hashable, Sendable {
        /// Start the ranks again, on the same node.
        case restartWorker = "restart_worker"
        /// Give the node up and start on another one.
        case relaunchWorker = "relaunch_worker"
    }

    case noAction
    case event(type: String, action: String, message: String, labels: [String: String])
    case node(NodeOperation, node: NodeIdentity, reason: String)
    case jobAbortion(reason: String, message: String)

    /// DLRover's word for it: `restart_worker`, `job_abortion`, ….
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
    /// Whom an action is for, as DLRover numbers them.
    private static let masterInstance: Int64 = -1
    private static let localInstance: Int64 = -3
    /// How long an action holds, in seconds.
    private static let expiry: Int64 = 300
    /// DLRover's `NoAction` has its default in milliseconds where seconds are meant.
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
        members.merge(ownMembers) { $1 }
        return members
    }

    private var instance: Int64 {
        switch self {
        case .noAction, .node: Self.localInstance
        case .event, .jobAbortion: Self.masterInstance
        }
    }

    private var ownMembers: [String: JSONValue] {
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
