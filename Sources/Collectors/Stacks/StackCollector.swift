public import CoreMetrics
public import Diagnosis
public import Logging
internal import SystemSupport

/// Takes the Python stacks of training processes, by their worker servers or with py-spy, or what the kernel shows of them where neither can or
/// may be used: `StackLadder`.
///
/// A process is never stopped unless that is asked for, and is left alone in the states D and Z and while another process traces it.
public actor StackCollector: DataCollector {
    /// `stack`.
    public nonisolated let name = "stack"

    private let executor = BlockingExecutor(label: "arobust.stack-collector")
    private let node: NodeIdentity
    private let configuration: Configuration
    private let logger: Logger
    private let report: MetricReport
    private let reader: StackReader
    private let metrics: StackMetrics
    private var client: (any MasterClient)?
    private var targetProblems: ProblemLog
    private var readProblems: ProblemLog
    private var isCollecting = false

    /// - Parameter factory: makes the self-metrics.
    public init(
        node: NodeIdentity, configuration: Configuration,
        logger: Logger = Logger(label: "arobust.stack-collector"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) {
        self.node = node
        self.configuration = configuration
        self.logger = logger
        report = MetricReport(content: "stack trace", data: "stack trace", logger: logger)
        reader = StackReader(ladder: StackLadder(configuration.ladder, logger: logger))
        metrics = StackMetrics(factory: factory)
        targetProblems = ProblemLog(interval: configuration.problemInterval)
        readProblems = ProblemLog(interval: configuration.problemInterval)
    }

    /// The collector's own queue, where `/proc` may block.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// Whether processes are given, or are to be looked for.
    public func isEnabled() async -> Bool {
        switch configuration.target {
        case .pids(let pids): !pids.isEmpty
        case .ranks: true
        }
    }

    /// Takes the stacks of all processes, one after the other; a process takes at most the deadline and a little.
    ///
    /// `nil` if there is no process, or while another call is under way: two triggers at once make one round.
    public func collectData() async -> [ProcessStack]? {
        guard !isCollecting else { return nil }
        isCollecting = true
        defer { isCollecting = false }
        var stacks: [ProcessStack] = []
        for pid in pids() where !Task.isCancelled {
            let stack = await reader.stack(of: pid)
            metrics.count(stack.content)
            stacks.append(stack)
        }
        guard !stacks.isEmpty else { return nil }
        noteFailures(stacks)
        return stacks
    }

    /// Reports all stacks as one metric, its timestamp that of the first.
    @discardableResult
    public func storeData(_ data: [ProcessStack]) async -> Bool {
        guard let first = data.first else {
            logger.warning("There is no stack trace to report.")
            return false
        }
        return await report.send(
            WorkerTrainingMetric(
                dataType: .stackTrace, dataContent: formatStacks(data), node: node, timestamp: first.timestamp),
            to: client)
    }

    /// Sets the client to report to.
    public func setClient(_ client: any MasterClient) async {
        self.client = client
    }

    /// The stacks as they are reported: a block of text for each process, within the configured size.
    public nonisolated func formatStacks(_ stacks: [ProcessStack]) -> String {
        StackText.text(stacks, maxBytes: configuration.maxContentBytes)
    }

    private func pids() -> [Int32] {
        switch configuration.target {
        case .pids(let pids):
            return pids
        case .ranks:
            let (trainers, unreadable) = RankSelection.current()
            if trainers.isEmpty {
                if targetProblems.shouldReport("none") {
                    logger.warning(
                        "No training rank was found whose stacks could be taken.",
                        metadata: ["unreadableProcesses": "\(unreadable)"])
                }
            } else if targetProblems.solve() {
                logger.info("Training ranks were found.", metadata: ["count": "\(trainers.count)"])
            }
            return trainers.map(\.pid)
        }
    }

    private func noteFailures(_ stacks: [ProcessStack]) {
        let failures = stacks.compactMap { stack in
            switch stack.content {
            case .python: nil as (Int32, String)?
            case .kernel(_, let reason), .none(let reason): (stack.pid, reason)
            }
        }
        guard let (pid, reason) = failures.first else {
            if readProblems.solve() { logger.info("Python stacks can be taken again.") }
            return
        }
        if readProblems.shouldReport(reason) {
            logger.warning(
                "Some processes gave no Python stacks; what the kernel shows of them is reported instead.",
                metadata: ["processes": "\(failures.count)", "firstPid": "\(pid)", "error": "\(reason)"])
        }
    }
}

extension StackCollector {
    /// Whose stacks are taken, and within what limits. Without a target there is no collector: stacks are off unless asked for.
    public struct Configuration: Sendable, Hashable {
        /// Whose stacks are taken.
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
        /// Whether py-spy may stop a process for a moment where it can't read it otherwise: no.
        public var allowsBlocking = false
        /// Whether py-spy is to read native frames, too, for which it stops a process for longer: no.
        public var wantsNative = false
        /// Where worker servers are, besides those that are found by themselves.
        package var workerServers: [WorkerServerPattern] = []

        /// How the stacks of each process are taken.
        package var ladder: StackLadder.Options {
            var options = StackLadder.Options()
            options.pySpyPath = pySpyPath
            options.pySpyDeadline = deadline
            options.maxOutputBytes = maxOutputBytes
            options.maxKernelThreads = maxKernelThreads
            options.workerServers = workerServers
            options.allowsBlocking = allowsBlocking
            options.wantsNative = wantsNative
            return options
        }

        /// Makes a configuration; each value has the default that its property names.
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

/// Whose stacks to take.
public enum StackTarget: Sendable, Hashable {
    /// These processes, by the ids that `/proc` here shows.
    case pids([Int32])
    /// All training ranks: Python processes that were started with `RANK` or `TORCHELASTIC_RUN_ID`, without their launchers and helpers
    /// (`RankSelection`).
    case ranks
}

/// Counts processes by what could be read of their stacks.
struct StackMetrics: Sendable {
    private let python: Counter
    private let kernel: Counter
    private let none: Counter

    init(factory: any MetricsFactory) {
        func counter(_ result: String) -> Counter {
            Counter(label: "arobust_stack_dumps_total", dimensions: [("result", result)], factory: factory)
        }
        python = counter("python")
        kernel = counter("kernel")
        none = counter("none")
    }

    func count(_ content: ProcessStack.Content) {
        switch content {
        case .python: python.increment()
        case .kernel: kernel.increment()
        case .none: none.increment()
        }
    }
}
