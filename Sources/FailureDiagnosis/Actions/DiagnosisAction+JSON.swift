public import Diagnosis

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
