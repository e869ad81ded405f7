internal import Diagnosis
private import Synchronization

/// From metrics to the journal and the bus.
extension MetricPublisher {
    /// Metrics as they are published.
    ///
    /// - Parameter position: the one that follows them in their source.
    func encoded(
        _ metrics: [WorkerTrainingMetric], _ position: SourcePosition?
    ) throws(ReportError) -> EncodedMetrics {
        let metrics = configuration.redact.map { $0(metrics, position) } ?? metrics
        return try encode { known throws(ReportError) in try EncodedMetrics(metrics, known: known) }
    }

    /// Metrics that came as JSON, as they are published.
    func encoded(_ metrics: [GivenMetric]) throws(ReportError) -> EncodedMetrics {
        guard configuration.redact == nil else { return try encoded(metrics.map(\.metric), nil) }
        return try encode { known throws(ReportError) in try EncodedMetrics(metrics, known: known) }
    }

    /// Encodes metrics with what is known of the last ones: they mostly come again and again from one place.
    func encode(
        _ encode: (_ known: CheckedTopic?) throws(ReportError) -> EncodedMetrics
    ) throws(ReportError) -> EncodedMetrics {
        let encoded = try encode(lastTopic.withLock { $0 })
        if !encoded.topics.isEmpty { lastTopic.withLock { $0 = encoded.known } }
        return encoded
    }

    var groupCommit: GroupCommit {
        groups.withLock { group in
            if let group { return group }
            let made = GroupCommit { [weak self] requests in
                self?.commit(requests).failures
                    ?? requests.map { _ in ReportError(code: .closed, message: "the publisher is closed") }
            }
            group = made
            return made
        }
    }

    func commit(_ requests: [PublishRequest]) -> PublishOutcome {
        let outcome = bus.withLock { bus in
            let outcome = bus.publish(requests)
            maintenance.recordVolatile(outcome.volatile)
            return outcome
        }
        maintenance.recordOutcome(outcome)
        return outcome
    }
}
