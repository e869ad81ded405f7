package import CoreMetrics
package import Diagnosis
package import Logging
private import Synchronization
package import SystemSupport

/// Follows all logs of a selection, as `LogCollector` follows one: each line exactly once as long as the client keeps the positions.
///
/// It works on a thread of its own queue. While it is watched (`watch()`), inotify wakes the schedule as soon as something is written.
package actor LogSetCollector: WakingCollector {
    /// Lines of one of the logs.
    package struct Chunk: Sendable {
        package let log: FollowedLog
        package let lines: LogChunk
    }

    /// What is sent of the logs.
    package struct Shedding: Sendable, Hashable {
        /// How much of each log is sent in a second; `nil`: all.
        package var limits: LineShedder.Limits?
        /// How much of each log's last lines is kept for the black box, in bytes. 0: none.
        package var blackBoxBytes = 0

        package init() {}
    }

    /// So many files have counters of their own; the others share one, `file="others"`.
    static let mostCounters = 100

    package nonisolated let name = "log"
    package nonisolated let collectsBacklog = true
    package nonisolated let wakeSignal = WakeSignal()

    private let executor = BlockingExecutor(label: "arobust.log-collector")
    private let node: NodeIdentity
    private var configuration: LogCollector.Configuration
    private let logger: Logger
    private let report: MetricReport
    private let alarmReport: MetricReport
    private var shedding: Shedding
    private let factory: any MetricsFactory
    private var observer: (any LogObserver)?
    private let watcher: FolderWatcher?
    private let shedLines: Counter
    private let shedBytes: Counter
    private let unread: Gauge
    private let remaining: Gauge
    private var pace = BacklogPace()
    private var numbers: [String: FileNumbers] = [:]
    private var client: (any MasterClient)?
    private var set: LogSet
    /// Whether the schedule is woken when something is written.
    private let isWatched = Atomic<Bool>(false)
    /// How much all black boxes may send, however many logs tell of a cause at once.
    private var alarmAllowance = TokenBucket(perSecond: 256 << 10, burst: .seconds(32))

    /// - Parameter observer: sees the logs' lines once they are reported.
    package init(
        selection: LogSelection, node: NodeIdentity, configuration: LogCollector.Configuration = .init(),
        shedding: Shedding = Shedding(), maxFiles: Int = 10_000, maxOpenFiles: Int = 256,
        logger: Logger = Logger(label: "arobust.log-collector"), factory: any MetricsFactory = MetricsSystem.factory,
        observer: (any LogObserver)? = nil
    ) {
        self.node = node
        self.configuration = configuration
        self.logger = logger
        self.factory = factory
        self.observer = observer
        self.shedding = shedding
        alarmReport = MetricReport(content: "a log's black box", data: "a log's black box", logger: logger)
        shedLines = Counter(label: "arobust_log_shed_lines_total", factory: factory)
        shedBytes = Counter(label: "arobust_log_shed_bytes_total", factory: factory)
        unread = Gauge(label: "arobust_log_unread_bytes", factory: factory)
        remaining = Gauge(label: "arobust_log_remaining_seconds", factory: factory)
        report = MetricReport(content: "log content", data: "log data", logger: logger)
        var limits = LogSet.Limits()
        limits.files = maxFiles
        limits.openFiles = maxOpenFiles
        set = LogSet(selection: selection, limits: limits, configuration: configuration, logger: logger)
        watcher = set.watcher
    }

    /// Follows other logs from now on, or in another way: as a collector that is made so, but logs that are followed already are read on where they
    /// are. Only between rounds: what has been taken and not stored is taken again.
    ///
    /// - Parameter isObserverOther: whether the observer judges lines in another way than the one before.
    package func change(
        to selection: LogSelection, configuration: LogCollector.Configuration, shedding: Shedding, maxFiles: Int,
        maxOpenFiles: Int, observer: (any LogObserver)?, isObserverOther: Bool
    ) {
        if isObserverOther || shedding != self.shedding {
            // What is still to be told of a root cause goes out first.
            for file in set.files.values where file.shedding?.alarms.isEmpty ?? false { file.shedding = nil }
        }
        self.configuration = configuration
        self.shedding = shedding
        self.observer = observer
        var limits = LogSet.Limits()
        limits.files = maxFiles
        limits.openFiles = maxOpenFiles
        set.change(to: selection, limits: limits, configuration: configuration)
        set.hasNewFiles = true
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// Takes in what has changed. Costs next to nothing when nothing has.
    package func isEnabled() async -> Bool {
        set.look()
        return set.hasReady
    }

    /// The next lines of the file whose turn it is, and the same again until they are reported.
    package func collectData() async -> Chunk? {
        // All before the first is read: a file may have been read under another name.
        if set.hasNewFiles, client != nil {
            set.hasNewFiles = false
            for file in set.files.values { await restorePosition(of: file) }
        }
        let end = ContinuousClock.now + LogCollector.longestSearch
        while let file = set.current {
            if let lines = set.next(of: file) { return Chunk(log: file.log, lines: lines) }
            let hasMore = file.follower?.isTurnOver ?? false
            set.endTurn(of: file, hasMore: hasMore)
            if hasMore, .now >= end { break }
        }
        return nil
    }

    /// Reports the lines as one `TRAINING_LOG` metric, and gives the turn to the next file.
    @discardableResult
    package func storeData(_ data: Chunk) async -> Bool {
        guard let file = set.current, file.log == data.log else {
            let metric = metric(data.lines.content, data.lines.origin, of: data.log)
            return await report.send([metric], position: data.lines.position, to: client)
        }
        let prepared = prepare(data.lines, of: file)
        await reportAlarms(of: file)
        var metrics = [metric(prepared.content, prepared.origin, of: data.log)]
        if let shed = prepared.shed { metrics.append(metric(shed.content, shed.origin, of: data.log)) }
        guard await report.send(metrics, position: data.lines.position, to: client) else { return false }
        guard set.confirm(data.lines, of: file) else { return true }
        file.shedding?.forgetPrepared()
        set.endTurn(of: file, hasMore: true)
        if let shed = prepared.shed {
            shedLines.increment(by: shed.origin.lines)
            shedBytes.increment(by: shed.bytes)
        }
        let numbers = numbers(of: data.log.path)
        numbers.lines.increment(by: data.lines.lineCount)
        numbers.bytes.increment(by: data.lines.byteCount)
        if let observer { observer.noteUnread(file.follower?.unread ?? 0, of: data.log.path) }
        observer?.observe(data.lines.content, judged: prepared.judged, of: data.log.path)
        return true
    }

    private func metric(_ content: String, _ origin: MetricOrigin?, of log: FollowedLog) -> WorkerTrainingMetric {
        var metric = WorkerTrainingMetric(dataType: .trainingLog, dataContent: content, node: node)
        metric.origin = origin
        if let torchrun = log.torchrun { metric.origin?.add(torchrun) }
        return metric
    }

    private func prepare(_ lines: LogChunk, of file: FollowedFile) -> LogShedding.Prepared {
        if file.shedding == nil {
            file.shedding = LogShedding(
                path: file.path, limits: shedding.limits, blackBoxBytes: shedding.blackBoxBytes, observer: observer)
        }
        return file.shedding?.prepare(lines)
            ?? LogShedding.Prepared(lines: lines, origin: lines.origin, judged: [], content: lines.content, shed: nil)
    }

    /// What stood before a root cause goes out before the lines themselves, in a metric of its own.
    private func reportAlarms(of file: FollowedFile) async {
        while let alarm = file.shedding?.alarms.first {
            let metric = WorkerTrainingMetric(
                dataType: .generic, dataContent: alarm.content(path: file.path), node: node)
            guard alarmAllowance.readyTime(now: .now) <= .now else {
                logger.notice(
                    "Too many root causes at once: a black box is not sent.", metadata: ["path": "\(file.path)"])
                file.shedding?.alarms.removeFirst()
                continue
            }
            guard await alarmReport.send([metric], isUrgent: true, to: client) else { return }
            alarmAllowance.spend(alarm.lines.count, now: .now)
            file.shedding?.alarms.removeFirst()
        }
    }

    /// All rounds on the collector's own thread.
    package func collectRounds(_ most: Int) async -> Int {
        defer { recordBacklog() }
        for count in 0..<most {
            guard !Task.isCancelled, let data = await collectData(), await storeData(data) else { return count }
        }
        return most
    }

    package func setClient(_ client: any MasterClient) async {
        self.client = client
        for file in set.files.values where file.reported == nil { file.needsPosition = true }
        set.hasNewFiles = true
    }

    /// From now on a line without its end is reported at once, and no news are trusted.
    package func prepareForLastRound() async {
        set.isInLastRound = true
        set.lookAtAll()
    }

    package nonisolated func watch() async {
        guard let watcher else { return }
        isWatched.store(true, ordering: .relaxed)
        await watcher.run(waking: wakeSignal)
        isWatched.store(false, ordering: .relaxed)
    }

    package func quietTime() async -> Duration {
        isWatched.load(ordering: .relaxed) ? set.quietTime(.now) : .zero
    }

    /// How many files are followed, and how many of them are open.
    var counts: (files: Int, open: Int) { (set.files.count, set.openCount) }

    /// The folders that inotify watches.
    var watchedFolders: Set<String> { self.set.folderOfWatch.values.reduce(into: []) { $0.formUnion($1) } }

    private func restorePosition(of file: FollowedFile) async {
        guard file.needsPosition, let client else { return }
        // Before the call, so that a client that replaces this one meanwhile is asked too.
        file.needsPosition = false
        guard let stored = await client.lastPosition(of: "log:\(file.path)") else { return }
        do {
            set.resume(file, from: try LogPosition(bytes: stored.bytes))
        } catch {
            logger.warning(
                "The stored position of the log cannot be read; the log is begun as the configuration says.",
                metadata: ["error": "\(error)", "path": "\(file.path)", "startFrom": "\(configuration.startFrom)"])
        }
    }

    /// What is not read yet, file by file, and how long that takes.
    private func recordBacklog() {
        let all = set.unread
        var rest = all
        for (path, numbers) in numbers where path != Self.others {
            let bytes = set.files[path]?.follower?.unread ?? 0
            numbers.unread.record(Int64(clamping: bytes))
            rest -= min(rest, bytes)
        }
        numbers[Self.others]?.unread.record(Int64(clamping: rest))
        unread.record(Int64(clamping: all))
        pace.record(unread: all, at: .now)
        remaining.record(pace.secondsLeft ?? .infinity)
    }

    private static let others = "others"

    private func numbers(of path: String) -> FileNumbers {
        let name = numbers[path] != nil || numbers.count < Self.mostCounters ? path : Self.others
        if let made = numbers[name] { return made }
        let made = FileNumbers(file: name, factory: factory)
        numbers[name] = made
        return made
    }

    /// The self-metrics of one file.
    private struct FileNumbers {
        let lines: Counter
        let bytes: Counter
        let unread: Gauge

        init(file: String, factory: any MetricsFactory) {
            let labels = [("file", file)]
            lines = Counter(label: "arobust_log_lines_total", dimensions: labels, factory: factory)
            bytes = Counter(label: "arobust_log_bytes_total", dimensions: labels, factory: factory)
            unread = Gauge(label: "arobust_log_file_unread_bytes", dimensions: labels, factory: factory)
        }
    }
}

extension LogSetCollector: RetiringCollector {
    /// Nothing is unread in logs that nobody follows.
    package func retire() async {
        unread.record(0)
    }
}
