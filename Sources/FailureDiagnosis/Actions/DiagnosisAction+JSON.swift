private import Diagnosis

extension DiagnosisAction {
    /// Whom an action is for, as DLRover numbers them.
    private static let masterInstance = -1.0
    private static let localInstance = -3.0
    /// How long an action holds, in seconds.
    private static let expiry = 300.0
    /// DLRover's `NoAction` has its default in milliseconds where seconds are meant.
    private static let expiryOfNoAction = 60_000.0

    /// The keys and values that DLRover's `to_json` writes, in its order.
    ///
    /// - Parameter timestamp: seconds since 1970.
    public func jsonMembers(timestamp: Int) -> [JSONValue.Member] {
        let expiry = self == .noAction ? Self.expiryOfNoAction : Self.expiry
        let common: [JSONValue.Member] = [
            .init("action_type", .string(type)),
            .init("instance", .number(instance)),
            .init("timestamp", .number(Double(timestamp))),
            .init("expired_time_period", .number(expiry)),
            .init("executable_time_period", .number(0)),
        ]
        return common + ownMembers
    }

    private var instance: Double {
        switch self {
        case .noAction, .node: Self.localInstance
        case .event, .jobAbortion: Self.masterInstance
        }
    }

    private var ownMembers: [JSONValue.Member] {
        switch self {
        case .noAction: []
        case .event(let type, let action, let message, let labels):
            [
                .init("event_type", .string(type)),
                .init("event_instance", .string("-3")),
                .init("event_action", .string(action)),
                .init("event_msg", .string(message)),
                .init(
                    "event_labels",
                    .object(labels.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })),
            ]
        case .node(_, let node, let reason):
            [
                .init("node_id", .number(Double(node.id))),
                .init("node_type", .string(node.type)),
                .init("node_status", .string("")),
                .init("reason", .string(reason)),
            ]
        case .jobAbortion(let reason, let message):
            [.init("reason", .string(reason)), .init("msg", .string(message))]
        }
    }
}
