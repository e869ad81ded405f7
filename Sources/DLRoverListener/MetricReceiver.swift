internal import CoreMetrics
internal import Diagnosis
internal import Logging
internal import MasterClients
internal import NIOCore
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

    /// - Returns: the answer to the client, once the journal has the metric.
    func take(_ metric: ReportedMetric) async throws(GRPCStatus) -> ByteBuffer {
        do throws(ReportError) {
            try await publisher.publishDurably(json: metric.json, node: node)
        } catch {
            metrics.refused.increment()
            refusals.note(error)
            throw GRPCStatus(
                code: error.code == .refused ? .invalidArgument : .unavailable, message: "arobust: \(error)")
        }
        metrics.published.increment()
        return ReportedMetric.success
    }
}
