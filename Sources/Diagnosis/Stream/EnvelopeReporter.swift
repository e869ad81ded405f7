/// A master's client as the bridge uses it: it takes envelopes in batches and says how many it delivered.
///
/// It is called for one batch at a time for each lane and node, in order, and for several lanes and nodes at once.
public protocol EnvelopeReporter: MasterClient {
    /// Reports the batch from its first envelope on, and returns when the master has answered for the last, or at the first failure.
    ///
    /// - Returns: how many were accepted, and why the next was not. Never throws: a failure says whether a retry may help.
    func report(_ batch: EnvelopeBatch) async -> ReportOutcome

    /// Whether a lane's envelopes must come in the order of their sequences, one call at a time for the whole lane and not for each node in it.
    /// A receiver that remembers a lane's last sequence needs that. The default is `false`.
    var needsLanesInOrder: Bool { get }

    /// Closes connections and files. Reports that are still under way fail with `ReportError.Code.closed`.
    func close() async
}

extension EnvelopeReporter {
    /// `false`.
    public var needsLanesInOrder: Bool { false }

    /// Reports metrics that were never on a bus: as batches with epoch 0.
    ///
    /// - Throws: `ReportError` if one of them was not accepted; those before it may have been.
    public func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws {
        for batch in EnvelopeBatch.batches(of: metrics) {
            if let failure = await report(batch).failure { throw failure.error }
        }
    }
}

extension EnvelopeBatch {
    /// Runs of metrics of the same type and node, in the given order, as batches without a publisher.
    package static func batches(of metrics: [WorkerTrainingMetric]) -> [EnvelopeBatch] {
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

/// Takes a consumer's stream: a master's reporter, a tap, or a program of your own.
///
/// Everything is called on the subscriber's thread, one call at a time, and must not wait for anything slow.
public protocol EnvelopeReceiver: Sendable {
    /// Where the lane's stream begins; `nil` if the lane is not wanted. Asked once for each lane and run.
    func start(of lane: Lane) -> StreamStart?

    /// How many bytes of bodies the receiver would take now. While that is 0 or less, the lane's live envelopes are dropped, and requested
    /// again later. When there is room again, the receiver calls `MetricSubscriber.roomChanged()`.
    func room(in lane: Lane) -> Int

    /// Takes what comes next. That may be slightly more than there is room for, never much.
    ///
    /// - Returns: whether more is wanted; `false` ends the subscriber.
    func receive(_ items: [StreamItem]) -> Bool
}

/// How much of a batch a client delivered.
public struct ReportOutcome: Sendable {
    /// Why an envelope was not accepted, and how many were refused with it.
    public struct Failure: Sendable {
        /// How many envelopes the failed call carried: more than one if they were joined, and then a refusal may concern just one of them.
        public var count: Int
        /// Why, and whether a retry may help.
        public var error: ReportError
        /// Whether a refusal is of each of these envelopes, so that none of them need be sent alone to find out which one it was.
        public var concernsAll: Bool

        /// Makes a failure.
        public init(count: Int, error: ReportError, concernsAll: Bool = false) {
            self.count = count
            self.error = error
            self.concernsAll = concernsAll
        }
    }

    /// An envelope that the client skipped, because this kind of master must not get it.
    public struct Skip: Hashable, Sendable {
        /// In the batch, from 0; less than `accepted`.
        public var index: Int
        /// The rule as the ledger names it, `no-hang-line`.
        public var rule: String
        /// A sentence for an operator: what is wrong with this envelope.
        public var reason: String

        /// Makes a skip.
        public init(index: Int, rule: String, reason: String) {
            self.index = index
            self.rule = rule
            self.reason = reason
        }
    }

    /// How many envelopes from the front of the batch are finished: the master has accepted all but those in `skipped`.
    public var accepted: Int
    /// Why the rest was not accepted; `nil` when the whole batch is finished.
    public var failure: Failure?
    /// The envelopes that were skipped, in the order of the batch.
    public var skipped: [Skip]
    /// How many of the accepted envelopes were changed before they reached the master, by what was done: `line-cut`. An envelope may count
    /// under several. `partlyRejected` counts those in calls of which the master has rejected records without saying whose.
    public var changed: [String: UInt64]

    /// How many records of accepted envelopes the master says it has not taken, without saying which.
    package var rejectedRecords: UInt64 = 0

    /// The name in `changed`, and in the ledger, of accepted envelopes that came in a call of which records were rejected.
    package static let partlyRejected = "partly-rejected"

    /// Makes an outcome: `ReportOutcome(accepted: batch.count)` if all went well.
    public init(
        accepted: Int, failure: Failure? = nil, skipped: [Skip] = [], changed: [String: UInt64] = [:]
    ) {
        self.accepted = accepted
        self.failure = failure
        self.skipped = skipped
        self.changed = changed
    }
}
