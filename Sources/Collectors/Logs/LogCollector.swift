public import CoreMetrics
public import Diagnosis
internal import Glibc
public import Logging

/// Follows a growing training log and reports its lines, each exactly once as long as the client keeps the position.
///
/// The position moves on only when a report succeeded; until then `collectData()` gives the same lines again. It goes with the lines to
/// the client, and a new collector asks the client for it. Rotation by renaming and by copying and truncating is followed.
/// A last line without a newline stays in the file until it is finished, also over a restart; it is sent as it is only when its file was
/// replaced or deleted.
///
/// Files are read on a thread of the collector's own queue.
public actor LogCollector: DataCollector {
    public nonisolated let name = "log"
    public nonisolated let collectsBacklog = true

    private let executor = BlockingExecutor(label: "arobust.log-collector")
    private let node: NodeIdentity
    private let configuration: Configuration
    private let path: String
    private let key: String
    private let logger: Logger
    private let report: MetricReport
    private let lineCount: Counter
    private let byteCount: Counter
    private let observer: (any LogObserver)?
    private var client: (any MasterClient)?
    private var follower: LogFollower
    /// Whether the client's position is still to be asked for.
    private var needsPosition = true

    /// - Parameters:
    ///   - path: the log; a relative one is taken from the working directory of now. It need not exist yet.
    ///   - factory: makes the self-metrics.
    ///   - observer: sees the log's lines once they are reported.
    public init(
        path: String, node: NodeIdentity, configuration: Configuration = Configuration(),
        logger: Logger = Logger(label: "arobust.log-collector"),
        factory: any MetricsFactory = MetricsSystem.factory,
        observer: (any LogObserver)? = nil
    ) {
        let path = Self.absolute(path)
        var logger = logger
        logger[metadataKey: "path"] = "\(path)"
        self.path = path
        self.node = node
        self.configuration = configuration
        self.logger = logger
        self.observer = observer
        key = "log:\(path)"
        report = MetricReport(content: "log content", data: "log data", logger: logger)
        lineCount = Counter(label: "arobust_log_lines_total", dimensions: [("file", path)], factory: factory)
        byteCount = Counter(label: "arobust_log_bytes_total", dimensions: [("file", path)], factory: factory)
        follower = LogFollower(path: path, configuration: configuration, logger: logger)
    }

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// Whether there is a file at the path, or one that is still read on. Costs one `stat`.
    public func isEnabled() async -> Bool {
        follower.hasSource()
    }

    /// The next lines that were not reported yet; the same again as long as they are not. `nil` when no further line is finished.
    ///
    /// More may be there at once: after a successful `storeData`, call again until it gives `nil`.
    public func collectData() async -> LogChunk? {
        await restorePosition()
        return follower.next().map { lines in
            LogChunk(
                content: lines.content, lineCount: lines.lineCount,
                position: SourcePosition(key: key, bytes: lines.position.bytes), span: lines.span)
        }
    }

    @discardableResult
    public func storeData(_ data: LogChunk) async -> Bool {
        let metric = WorkerTrainingMetric(dataType: .trainingLog, dataContent: data.content, node: node)
        guard await report.send(metric, position: data.position, to: client) else { return false }
        if let span = data.span, follower.confirm(span) {
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

    /// Sets whom to report to. As long as nothing was reported, reading begins where this client says.
    public func setClient(_ client: any MasterClient) async {
        self.client = client
        if !follower.hasConfirmed { needsPosition = true }
    }

    private func restorePosition() async {
        guard needsPosition, let client else { return }
        // Before the call: should the client be replaced during it, the new one is asked too.
        needsPosition = false
        guard let stored = await client.lastPosition(of: key) else { return }
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
        /// Where a log without a stored position is begun.
        public enum Start: Sendable, Hashable {
            /// With its first line.
            case start
            /// With the line that is unfinished, or else the first to come, when the collector first looks. A file that appears later is read
            /// from its first line.
            case end
        }

        /// The most content of a chunk, in bytes of the file without the final newline: 64 KiB. A single longer line goes alone.
        public var chunkBytes: Int
        /// The longest line that is sent in one piece, in bytes: 1 MiB. This also bounds the memory.
        public var maxLineBytes: Int
        /// How much is read at a time, in bytes: 256 KiB.
        public var readBytes: Int
        /// Counts only where the client has no position. Note that with `.end` one exists only after the first report.
        public var startFrom: Start
        /// After how many rounds a lasting problem is logged again: 60.
        public var problemInterval: Int

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
