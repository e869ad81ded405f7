public import Diagnosis
public import Logging

/// Scrapes XPUTimer's Prometheus page and reports it as DLRover's agent would: filtered, as text.
///
/// There is nothing to close: a scrape leaves no connection and no thread behind.
public actor MetricCollector: DataCollector {
    public nonisolated let name = "metric"

    private let executor = BlockingExecutor(label: "arobust.metric-collector")
    private let node: NodeIdentity
    private let configuration: Configuration
    private let url: MetricURL
    private let logger: Logger
    private let report: MetricReport
    private let scraper: Scraper
    private var client: (any MasterClient)?
    private var problems: ProblemLog

    public init(
        url: MetricURL, node: NodeIdentity, configuration: Configuration = Configuration(),
        logger: Logger = Logger(label: "arobust.metric-collector")
    ) {
        var logger = logger
        logger[metadataKey: "url"] = "\(url)"
        self.url = url
        self.node = node
        self.configuration = configuration
        self.logger = logger
        report = MetricReport(content: "XPU timer metric", data: "XPU timer metric", logger: logger)
        scraper = Scraper(url: url, deadline: configuration.deadline, maxBytes: configuration.maxBytes)
        problems = ProblemLog(interval: configuration.problemInterval)
    }

    /// Scrapes `http://127.0.0.1:port/metrics`, XPUTimer's page for `XPU_TIMER_PORT`.
    ///
    /// - Throws: `MetricURLError` for a port outside 1...65535.
    public init(
        port: Int, node: NodeIdentity, configuration: Configuration = Configuration(),
        logger: Logger = Logger(label: "arobust.metric-collector")
    ) throws(MetricURLError) {
        self.init(
            url: try MetricURL(xpuTimerPort: port), node: node, configuration: configuration, logger: logger)
    }

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// Whether a TCP connection to the page's host and port can be made, as in DLRover's agent.
    public func isEnabled() async -> Bool {
        do {
            try TCPProbe.connect(host: url.host, port: url.port, limit: configuration.connectLimit)
            return true
        } catch {
            note(.unreachable(error.reason))
            return false
        }
    }

    /// Scrapes once. `nil` if there was no page of use; the reason is logged when it changes and once in `problemInterval` rounds.
    public func collectData() async -> MetricPage? {
        let timestamp = WallClock.seconds()
        do throws(ScrapeFailure) {
            let content = XPUTimerFilter.apply(to: try await scraper.page())
            guard !XPUTimerFilter.isEmpty(content) else { throw .empty }
            if problems.solve() { logger.info("XPU timer metrics can be scraped again.") }
            return MetricPage(content: content, timestamp: timestamp)
        } catch {
            note(error)
            return nil
        }
    }

    @discardableResult
    public func storeData(_ data: MetricPage) async -> Bool {
        await report.send(
            WorkerTrainingMetric(
                dataType: .xpuTimerMetric, dataContent: data.content, node: node, timestamp: data.timestamp),
            to: client)
    }

    public func setClient(_ client: any MasterClient) async {
        self.client = client
    }

    private func note(_ failure: ScrapeFailure) {
        guard problems.shouldReport(failure.kind) else { return }
        logger.warning("XPU timer metrics cannot be scraped.", metadata: ["error": "\(failure)"])
    }
}
