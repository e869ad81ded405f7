extension StackCollector {
    /// Whose stacks are taken, and within what limits. Without a target there is no collector: stacks are off unless asked for.
    public struct Configuration: Sendable, Hashable {
        public var target: StackTarget
        /// py-spy's program; `nil`, the default: `py-spy` in `PATH`, looked up at every process.
        public var pySpyPath: String?
        /// For py-spy and one process: 10 s. Then it is killed.
        public var deadline: Duration
        /// The most that py-spy may write for one process, in bytes: 16 MiB.
        public var maxOutputBytes: Int
        /// The most content of the metric, in bytes: 1 MiB.
        public var maxContentBytes: Int
        /// How many threads of a process are listed from `/proc` where there are no Python stacks: 256.
        public var maxKernelThreads: Int
        /// After how many rounds a lasting problem is logged again: 10.
        public var problemInterval: Int

        public init(
            target: StackTarget,
            pySpyPath: String? = nil,
            deadline: Duration = .seconds(10),
            maxOutputBytes: Int = 16 * 1024 * 1024,
            maxContentBytes: Int = 1024 * 1024,
            maxKernelThreads: Int = 256,
            problemInterval: Int = 10
        ) {
            self.target = target
            self.pySpyPath = pySpyPath
            self.deadline = deadline
            self.maxOutputBytes = maxOutputBytes
            self.maxContentBytes = maxContentBytes
            self.maxKernelThreads = maxKernelThreads
            self.problemInterval = problemInterval
        }
    }
}
