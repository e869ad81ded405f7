/// A master's client as the bridge drives it: it takes envelopes in batches and says how far it came.
///
/// A client reports one batch at a time for each lane and node, in order, and may be called for several of those at once.
public protocol EnvelopeReporter: MasterClient {
    /// Reports the batch from its first envelope on, and returns when the master has answered for the last, or at the first failure.
    ///
    /// - Returns: how many were accepted, and why the next was not. Never throws: a failure says whether a retry may help.
    func report(_ batch: EnvelopeBatch) async -> ReportOutcome

    /// Whether a lane's envelopes must come in the order of their sequences whatever their node, one call at a time for the lane: so for
    /// a receiver that remembers a lane's last sequence. `false`, as by default: one call at a time for each lane and node.
    var needsLanesInOrder: Bool { get }

    /// Closes connections and files. What is still under way fails with `ReportError.Code.closed`.
    func close() async
}

extension EnvelopeReporter {
    public var needsLanesInOrder: Bool { false }

    /// Reports metrics that never were on a bus: as batches with epoch 0.
    public func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws {
        for batch in EnvelopeBatch.batches(of: metrics) {
            if let failure = await report(batch).failure { throw failure.error }
        }
    }
}

extension EnvelopeBatch {
    /// Runs of metrics of the same type and node, in the given order, as batches without a publisher.
    static func batches(of metrics: [WorkerTrainingMetric]) -> [EnvelopeBatch] {
        var batches: [EnvelopeBatch] = []
        for metric in metrics {
            let continuesLast =
                batches.last.map {
                    $0.lane.dataType == metric.dataType && $0.nodeType == metric.node.type
                        && $0.nodeRank == metric.node.rank
                } ?? false
            if !continuesLast {
                let lane = Lane(publisher: PublisherID(high: 0, low: 0), dataType: metric.dataType)
                batches.append(
                    EnvelopeBatch(lane: lane, epoch: 0, nodeType: metric.node.type, nodeRank: metric.node.rank))
            }
            batches[batches.count - 1].append(
                sequence: 0, collectionTime: metric.timestamp, publishTime: 0, body: MetricJSON.encode(metric).span)
        }
        return batches
    }
}
