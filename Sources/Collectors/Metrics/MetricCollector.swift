public import CoreMetrics
public import Diagnosis
package import Hang
public import Logging
internal import SystemSupport

/// Scrapes XPUTimer's Prometheus page and reports it as DLRover's agent would: filtered, as text.
///
/// A round without a usable page raises an alarm: a log line, the self-metric `arobust_alarm`, and, if the configuration says so, a
/// `GENERIC` metric. The alarm ends with the first page that has hang lines.
///
/// There is nothing to close: a scrape leaves neither connection nor thread behind.
public actor MetricCollector: DataCollector {
    /// `metric`.
    public nonisolated let name = "metric"

    private let executor = BlockingExecutor(label: "arobust.metric-collector")
    private let node: NodeIdentity
    private let configuration: Configuration
    private let url: MetricURL
    private let logger: Logger
    private let report: MetricReport
    private let alarmReport: MetricReport
    private let scraper: Scraper
    private let metrics: ScrapeMetrics
    private var client: (any MasterClient)?
    private var hangObserver: (any HangObserver)?
    /// Whether the last page said that ranks hang, so that it is told once.
    private var wasHung = false
    private var problems: ProblemLog
    private var alarm: ScrapeAlarm

    /// - Parameter factory: makes the self-metrics.
    public init(
        url: MetricURL, node: NodeIdentity, configuration: Configuration = Configuration(),
        logger: Logger = Logger(label: "arobust.metric-collector"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) {
        var logger = logger
        logger[metadataKey: "url"] = "\(url)"
        self.url = url
        self.node = node
        self.configuration = configuration
        self.logger = logger
        let what = configuration.isXPUTimer ? "XPU timer" : "page's"
        report = MetricReport(content: "\(what) metric", data: "\(what) metric", logger: logger)
        alarmReport = MetricReport(content: "\(what) alarm", data: "\(what) alarm", logger: logger)
        scraper = Scraper(
            url: url, deadline: configuration.deadline, maxBytes: configuration.maxBytes,
            accept: configuration.isXPUTimer ? Scraper.plainText : Scraper.anyText)
        metrics = ScrapeMetrics(
            url: url, alarm: configuration.isXPUTimer ? "xpu_timer_scrape" : "metrics_scrape", factory: factory)
        problems = ProblemLog(interval: configuration.problemInterval)
        alarm = ScrapeAlarm(interval: configuration.alarmInterval)
    }

    /// Scrapes `http://127.0.0.1:port/metrics`, XPUTimer's page for `XPU_TIMER_PORT`.
    ///
    /// - Throws: `MetricURLError` for a port outside 1...65535.
    public init(
        port: Int, node: NodeIdentity, configuration: Configuration = Configuration(),
        logger: Logger = Logger(label: "arobust.metric-collector"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) throws(MetricURLError) {
        self.init(
            url: try MetricURL(xpuTimerPort: port), node: node, configuration: configuration, logger: logger,
            factory: factory)
    }

    /// The collector's own queue, where connecting may block.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// Whether a TCP connection to the page's host and port can be made, as DLRover's agent checks. If not, that counts as a failed round and
    /// raises the alarm.
    public func isEnabled() async -> Bool {
        do {
            try TCPProbe.connect(host: url.host, port: url.port, limit: configuration.connectLimit)
            return true
        } catch {
            await recordRound(.unreachable(error.reason), at: WallClock.seconds())
            return false
        }
    }

    /// Scrapes once. `nil` if there was no page with metrics; the reason is logged when it changes and once in `problemInterval` rounds.
    ///
    /// A page without a hang line raises the alarm too, and is still returned: consumers other than DLRover may want it.
    public func collectData() async -> MetricPage? {
        let timestamp = WallClock.seconds()
        do throws(ScrapeFailure) {
            let page = try await scraper.page()
            guard configuration.isXPUTimer else {
                guard PageContent.hasSample(page) else { throw .empty }
                await recordRound(nil, at: timestamp)
                return MetricPage(content: page, timestamp: timestamp)
            }
            let content = XPUTimerFilter.apply(to: page)
            switch PageContent(of: content) {
            case .nothing: throw .empty
            case .metrics: await recordRound(.noHangLine, at: timestamp)
            case .hangLines: await recordRound(nil, at: timestamp)
            }
            tellHang(content, at: timestamp)
            return MetricPage(content: content, timestamp: timestamp)
        } catch {
            // Shutdown cuts a scrape short, which says nothing about the page.
            if !Task.isCancelled { await recordRound(error, at: timestamp) }
            return nil
        }
    }

    /// Reports the page as one `XPU_TIMER_METRIC`; that of another program as one `PROMETHEUS_METRIC`, whose origin names the URL.
    ///
    /// - Returns: whether it was reported. The reason why not is logged.
    @discardableResult
    public func storeData(_ data: MetricPage) async -> Bool {
        var metric = WorkerTrainingMetric(
            dataType: configuration.isXPUTimer ? .xpuTimerMetric : .prometheusMetric, dataContent: data.content,
            node: node, timestamp: data.timestamp)
        if !configuration.isXPUTimer {
            metric.origin = MetricOrigin(
                path: "\(url)", device: 0, inode: 0, firstOffset: 0, endOffset: UInt64(data.content.utf8.count),
                lines: data.content.utf8.count { $0 == 0x0A })
        }
        return await report.send(metric, to: client)
    }

    /// Sets the client to report to: pages, and alarms if the configuration says so.
    public func setClient(_ client: any MasterClient) async {
        self.client = client
    }

    /// Sets who is told when XPUTimer says that a rank hangs.
    package func setHangObserver(_ observer: any HangObserver) {
        hangObserver = observer
    }

    private func tellHang(_ page: String, at time: Int64) {
        let hung = PythonLines.split(page[...].utf8).count { line in
            if case .hang(let line) = HangLine.kind(of: line) { line.isHung } else { false }
        }
        defer { wasHung = hung > 0 }
        guard hung > 0, !wasHung else { return }
        hangObserver?.suspect(
            HangSuspicion(.xpuTimer, text: "XPUTimer says that \(hung) of this node's ranks hang", time: time))
    }

    /// Logs, counts and reports the outcome of a round.
    ///
    /// - Parameter failure: `nil` for a page with hang lines.
    private func recordRound(_ failure: ScrapeFailure?, at time: Int64) async {
        if let failure {
            if problems.shouldReport(failure.kind) {
                logger.warning(
                    "\(failure.title(isXPUTimer: configuration.isXPUTimer))", metadata: ["error": "\(failure)"])
            }
        } else if problems.solve() {
            logger.info("\(configuration.subject) can be scraped again.")
        }
        alarm.update(failure?.sentence(url: url, isXPUTimer: configuration.isXPUTimer), at: time)
        metrics.recordRound(failure?.result ?? .ok, alarmSince: alarm.since)
        await reportAlarm()
    }

    private func reportAlarm() async {
        guard configuration.reportsAlarm, let client, let change = alarm.beginReport(now: .now) else { return }
        let text =
            change.problem.map { "arobust alarm: \($0)" }
            ?? "arobust alarm over: \(configuration.subject) of \(url) can be scraped again"
        let isAccepted = await alarmReport.send(
            WorkerTrainingMetric(dataType: .generic, dataContent: text, node: node, timestamp: change.timestamp),
            to: client)
        alarm.finishReport(change, isAccepted: isAccepted, now: .now)
    }
}

extension MetricCollector: RetiringCollector {
    /// Takes the page's self-metrics out; an alarm has an end with that.
    package func retire() async {
        metrics.destroy()
    }
}

extension MetricCollector {
    /// The limits of a scrape, and how its failures are reported.
    public struct Configuration: Sendable, Hashable {
        /// The whole scrape, from connecting to the last byte of the body: 5 s.
        public var deadline: Duration
        /// The largest page that is taken, in bytes before the filter: 4 MiB.
        public var maxBytes: Int
        /// How long `isEnabled()` waits for a connection: 1 s.
        public var connectLimit: Duration
        /// After how many rounds a lasting failure is logged again: 10.
        public var problemInterval: Int
        /// Whether a `GENERIC` metric says when the alarm begins and when it is over: no.
        public var reportsAlarm: Bool
        /// The least time between two such metrics: 60 s.
        public var alarmInterval: Duration
        /// Whether it is XPUTimer's page, which must have hang lines; otherwise any program's, which is reported as it is: yes.
        package var isXPUTimer = true

        /// What the page has, in sentences.
        var subject: String { isXPUTimer ? "XPU timer metrics" : "Metrics" }

        /// Makes a configuration; each value has the default that its property names.
        public init(
            deadline: Duration = .seconds(5),
            maxBytes: Int = 4 * 1024 * 1024,
            connectLimit: Duration = .seconds(1),
            problemInterval: Int = 10,
            reportsAlarm: Bool = false,
            alarmInterval: Duration = .seconds(60)
        ) {
            self.deadline = deadline
            self.maxBytes = maxBytes
            self.connectLimit = connectLimit
            self.problemInterval = problemInterval
            self.reportsAlarm = reportsAlarm
            self.alarmInterval = alarmInterval
        }
    }
}
