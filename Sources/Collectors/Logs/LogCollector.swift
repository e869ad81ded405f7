public import CoreMetrics
public import Diagnosis
internal import Glibc
public import Logging
internal import SystemSupport

/// Follows a growing training log and reports its lines, each exactly once as long as the client keeps the position.
///
/// The position moves on only after a successful report; until then `collectData()` returns the same lines again. It goes to the client with
/// the lines, and a new collector asks the client for it. Rotation is followed, by renaming as well as by copying and truncating.
/// A last line without a newline goes out once its file was quiet for `quietTime`, or was replaced or deleted; what follows it then says that
/// it continues the line. Holes and runs of NULs are left out.
///
/// Files are read on a thread of the collector's own queue.
public actor LogCollector: DataCollector {
    /// `log`.
    public nonisolated let name = "log"
    /// `true`: a log may have grown by more than one chunk.
    public nonisolated let collectsBacklog = true

    private let executor = BlockingExecutor(label: "arobust.log-collector")
    private let node: NodeIdentity
    private let configuration: Configuration
    private let path: String
    private let logger: Logger
    private let report: MetricReport
    private let lineCount: Counter
    private let byteCount: Counter
    private let observer: (any LogObserver)?
    private var client: (any MasterClient)?
    private var follower: LogFollower
    private var isInLastRound = false
    /// Whether the client's position is still to be asked for.
    private var needsPosition = true

    /// - Parameters:
    ///   - path: the log; a relative path is resolved against the working directory now. The file need not exist yet.
    ///   - node: the node that the metrics name.
    ///   - logger: gets the log's path as metadata.
    ///   - factory: makes the self-metrics.
    public init(
        path: String, node: NodeIdentity, configuration: Configuration = Configuration(),
        logger: Logger = Logger(label: "arobust.log-collector"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) {
        self.init(
            path: path, node: node, configuration: configuration, logger: logger, factory: factory, observer: nil)
    }

    /// - Parameter observer: sees the log's lines once they are reported.
    package init(
        path: String, node: NodeIdentity, configuration: Configuration = Configuration(),
        logger: Logger = Logger(label: "arobust.log-collector"),
        factory: any MetricsFactory = MetricsSystem.factory,
        observer: (any LogObserver)?
    ) {
        let path = Self.absolute(path)
        var logger = logger
        logger[metadataKey: "path"] = "\(path)"
        self.path = path
        self.node = node
        self.configuration = configuration
        self.logger = logger
        self.observer = observer
        report = MetricReport(content: "log content", data: "log data", logger: logger)
        lineCount = Counter(label: "arobust_log_lines_total", dimensions: [("file", path)], factory: factory)
        byteCount = Counter(label: "arobust_log_bytes_total", dimensions: [("file", path)], factory: factory)
        follower = LogFollower(path: path, configuration: configuration, logger: logger)
    }

    /// The collector's own queue, where files may block.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// Whether there is a file at the path, or one that is still being read to its end. Costs one `stat`.
    public func isEnabled() async -> Bool {
        follower.hasSource()
    }

    /// The next lines that have not been reported, and the same again until they are. `nil` when no further line is finished.
    ///
    /// There may be more at once: after a successful `storeData`, call again until it returns `nil`.
    public func collectData() async -> LogChunk? {
        await restorePosition()
        let end = ContinuousClock.now + Self.longestSearch
        var chunk = follower.next(isLast: isInLastRound)
        while chunk == nil, follower.isTurnOver, .now < end { chunk = follower.next(isLast: isInLastRound) }
        return chunk
    }

    /// How long lines are looked for in what is none, such as NULs, before the thread is given back.
    static let longestSearch: Duration = .milliseconds(200)

    /// From now on a line without its end is reported at once, as far as it is there.
    public func prepareForLastRound() async {
        isInLastRound = true
    }

    /// Reports the lines as one `TRAINING_LOG` metric. A chunk of `collectData()` that was reported moves the position.
    ///
    /// - Returns: whether they were reported. The reason why not is logged.
    @discardableResult
    public func storeData(_ data: LogChunk) async -> Bool {
        var metric = WorkerTrainingMetric(dataType: .trainingLog, dataContent: data.content, node: node)
        metric.origin = data.origin
        guard await report.send(metric, position: data.position, to: client) else { return false }
        if follower.confirm(data) {
            lineCount.increment(by: data.lineCount)
            byteCount.increment(by: data.byteCount)
            observer?.observe(data.content, of: path)
        }
        return true
    }

    /// All rounds on the collector's own thread.
    public func collectRounds(_ most: Int) async -> Int {
        for count in 0..<most {
            guard !Task.isCancelled, let data = await collectData(), await storeData(data) else { return count }
        }
        return most
    }

    /// Sets the client to report to. While nothing has been reported, reading begins where this client says.
    public func setClient(_ client: any MasterClient) async {
        self.client = client
        if !follower.hasConfirmed { needsPosition = true }
    }

    private func restorePosition() async {
        guard needsPosition, let client else { return }
        // Before the call, so that a client that replaces this one meanwhile is asked too.
        needsPosition = false
        guard let stored = await client.lastPosition(of: follower.key) else { return }
        do {
            follower.resume(from: try LogPosition(bytes: stored.bytes))
        } catch {
            logger.warning(
                "The stored position of the log cannot be read; the log is begun as the configuration says.",
                metadata: ["error": "\(error)", "startFrom": "\(configuration.startFrom)"])
        }
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        return String(cString: directory) + "/" + path
    }
}

extension LogCollector {
    /// How a log is followed.
    public struct Configuration: Sendable, Hashable {
        /// Where reading begins in a log without a stored position.
        public enum Start: Sendable, Hashable {
            /// With its first line.
            case start
            /// With the line that is unfinished when the collector first looks, or else the next one. A file that appears later is read from its
            /// first line.
            case end
        }

        /// The most content of a chunk, in bytes of the file without the final newline: 64 KiB. A single longer line is a chunk alone.
        public var chunkBytes: Int
        /// The longest line that is sent in one piece, in bytes: 1 MiB. It bounds the memory, too.
        public var maxLineBytes: Int
        /// How much is read at a time, in bytes: 256 KiB.
        public var readBytes: Int
        /// Used only where the client has no position: `.start`. With `.end` there is one only after the first report.
        public var startFrom: Start
        /// After how many rounds a lasting problem is logged again: 60.
        public var problemInterval: Int
        /// How long nothing may come before a line without its end is reported as far as it is there: 2 s. `nil`: never, as long as its file
        /// stays.
        public var quietTime: Duration? = .seconds(2)
        /// What is reported of progress bars: `.lastState`.
        public var progress = Progress.lastState
        /// How often the state of a progress bar that moves is reported at most: 5 s.
        public var progressInterval: Duration = .seconds(5)

        /// What is done with the files of a container runtime: `.detect`.
        public var containers = Containers.detect

        /// How the files of a container runtime are reported (Kubernetes' CRI format, Docker's json-file).
        public enum Containers: Sendable, Hashable {
            /// What the program wrote, if the first line that is read shows the format.
            case detect
            /// As any other file.
            case raw
        }

        /// How a line with carriage returns within it is reported.
        public enum Progress: Sendable, Hashable {
            /// Its last state that is not empty: now and then while it changes, and at its end.
            case lastState
            /// Byte for byte, once it is ended.
            case raw
        }

        /// Makes a configuration; each value has the default that its property names.
        public init(
            chunkBytes: Int = 64 * 1024,
            maxLineBytes: Int = 1024 * 1024,
            readBytes: Int = 256 * 1024,
            startFrom: Start = .start,
            problemInterval: Int = 60
        ) {
            self.chunkBytes = chunkBytes
            self.maxLineBytes = maxLineBytes
            self.readBytes = readBytes
            self.startFrom = startFrom
            self.problemInterval = problemInterval
        }
    }
}
