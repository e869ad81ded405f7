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
