internal import CoreMetrics
internal import Diagnosis
internal import ZMQBridge

/// The publisher as collectors have it, with a count of what it did not take.
struct CountedClient: MasterClient, UrgentReporter {
    private let publisher: MetricPublisher
    private let failures: [ReportError.Code: Counter]
    private let others: Counter

    init(_ publisher: MetricPublisher, factory: any MetricsFactory) {
        self.publisher = publisher
        func counter(_ code: String) -> Counter {
            Counter(label: "arobust_publish_failures_total", dimensions: [("code", code)], factory: factory)
        }
        // They are all there from the start, so that the first failure is seen.
        failures = Dictionary(
            uniqueKeysWithValues: [ReportError.Code.refused, .storage, .closed].map { ($0, counter("\($0)")) })
        others = counter("other")
    }

    func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws {
        do {
            try await publisher.reportDiagnosisAgentMetrics(metrics, position: position)
        } catch {
            throw counted(error)
        }
    }

    func reportUrgently(_ metrics: [WorkerTrainingMetric]) async throws {
        do {
            try await publisher.reportUrgently(metrics)
        } catch {
            throw counted(error)
        }
    }

    func lastPosition(of key: String) async -> SourcePosition? { await publisher.lastPosition(of: key) }

    private func counted(_ error: any Error) -> any Error {
        let counter = (error as? ReportError).flatMap { failures[$0.code] } ?? others
        counter.increment()
        return error
    }
}
