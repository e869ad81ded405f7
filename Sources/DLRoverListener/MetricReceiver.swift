internal import CoreMetrics
internal import Diagnosis
internal import GRPCServing
internal import Logging
internal import MasterClients
private import Synchronization
internal import SystemSupport
internal import ZMQBridge

/// Publishes the metrics that clients report.
struct MetricReceiver: Sendable {
    private let publisher: MetricPublisher
    private let node: NodeIdentity
    private let metrics: ListenerMetrics
    private let refusals: RefusalLog

    init(publisher: MetricPublisher, node: NodeIdentity, metrics: ListenerMetrics, logger: Logger) {
        self.publisher = publisher
        self.node = node
        self.metrics = metrics
        refusals = RefusalLog(quietTime: .seconds(60), logger: logger)
    }

    /// Returns once the journal has the metric, and the client may be told.
    ///
    /// - Parameter wire: what the client speaks.
    func publish(_ metric: ReportedMetric, from wire: ListenWire) async throws(GRPCStatus) {
        let metrics = metrics.calls(wire)
        do throws(ReportError) {
            try await publisher.publishDurably(json: metric.json, node: node)
        } catch {
            metrics.refused.increment()
            refusals.record(error)
            throw GRPCStatus(
                code: error.code == .refused ? .invalidArgument : .unavailable, message: "arobust: \(error)")
        }
        metrics.published.increment()
    }
}

/// Logs refused metrics, the first at once and then at most one per quiet time: a client tries each of them ten times.
final class RefusalLog: Sendable {
    private let logger: Logger
    private let counter: Mutex<QuietCounter>

    init(quietTime: Duration, logger: Logger) {
        self.logger = logger
        counter = Mutex(QuietCounter(quietTime: quietTime))
    }

    func record(_ error: ReportError, now: ContinuousClock.Instant = .now) {
        let due: Int? = counter.withLock { counter in
            counter.count(1)
            return counter.due(now: now)
        }
        guard let due else { return }
        logger.warning(
            "A DLRover client's metric was refused.", metadata: ["reason": "\(error)", "calls": "\(due)"])
    }
}
