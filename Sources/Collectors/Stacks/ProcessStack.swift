/// The stacks of one process at one time.
public struct ProcessStack: Sendable, Hashable {
    /// What could be had.
    public enum Content: Sendable, Hashable {
        /// Python's stacks.
        case python([PythonThread])
        /// Only what the kernel tells, and why.
        case kernel([KernelThread], reason: String)
        /// Nothing, and why: the process ended, or never was.
        case none(reason: String)
    }

    public var pid: Int32
    /// `RANK` of its environment.
    public var rank: Int?
    /// `LOCAL_RANK` of its environment.
    public var localRank: Int?
    /// The command line in one line, without secrets and cut at 1 KiB.
    public var command: String
    /// As in `/proc/PID/status`: `S (sleeping)`. Taken before the stacks.
    public var state: String
    /// In whole seconds since 1970.
    public var timestamp: Int64
    public var content: Content

    public init(
        pid: Int32, rank: Int? = nil, localRank: Int? = nil, command: String, state: String, timestamp: Int64,
        content: Content
    ) {
        self.pid = pid
        self.rank = rank
        self.localRank = localRank
        self.command = command
        self.state = state
        self.timestamp = timestamp
        self.content = content
    }
}
