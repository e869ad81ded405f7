/// What a node tells its master of a failure of the training: DLRover's `NodeFailure` (`dlrover/python/common/comm.py`).
///
/// A master may act on it: `node_error` relaunches the node, and the text becomes the node's exit reason.
public struct NodeFailure: Hashable, Sendable {
    /// How bad it is: DLRover's `TrainingExceptionLevel` (`dlrover/python/common/constants.py`), open for newer ones.
    public struct Level: RawRepresentable, Hashable, Sendable {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// A training process failed: the master keeps the text and does nothing else.
        public static let processError = Level(rawValue: "process_error")
        /// The node failed: the master relaunches it, and may keep the job off its host.
        public static let nodeError = Level(rawValue: "node_error")
        /// A rendezvous failed. The text must be a JSON object with the keys that the master reads.
        public static let rendezvousError = Level(rawValue: "rdzv_error")
        public static let warning = Level(rawValue: "warning")
        public static let info = Level(rawValue: "info")
        public static let error = Level(rawValue: "error")
    }

    /// What happened; DLRover's agent sends a JSON object with a key for each rank that failed.
    public var errorData: String
    /// How often the training was restarted before. A master keeps the first `process_error` of each count.
    public var restartCount: Int
    public var level: Level
    /// Whose failure it is.
    public var node: NodeIdentity

    public init(errorData: String, restartCount: Int, level: Level = .processError, node: NodeIdentity) {
        self.errorData = errorData
        self.restartCount = restartCount
        self.level = level
        self.node = node
    }
}
