import Diagnosis
import Logging
import Synchronization
import SystemSupport

/// Reports to a DLRover master, one call at a time within a batch.
///
/// Data that would break the master cannot be sent: reports are made of `DLRoverMetric`s alone. A master only answers success or not; this
/// client finds out what a failure means: another version's module name, another job, or data that it refuses.
final class DLRoverClient: EnvelopeReporter {
    private let transport: any DLRoverTransport
    private let master: String
    private let joiner: ReportJoiner
    private let limits: ReportLimits
    private let logger: Logger
    private let now: @Sendable () -> Int64
    private let memory = Mutex(MasterMemory())

    /// - Parameters:
    ///   - master: the master's URL, for messages.
    ///   - now: seconds since 1970.
    init(
        transport: any DLRoverTransport, master: String, options: MasterClientOptions, logger: Logger,
        now: @escaping @Sendable () -> Int64 = { WallClock.seconds() }
    ) {
        self.transport = transport
        self.master = master
        joiner = ReportJoiner(options)
        var limits = ReportLimits(options)
        limits.messageBytes = min(limits.messageBytes, transport.longestMessage)
        self.limits = limits
        self.logger = logger
        self.now = now
    }

    func report(_ batch: EnvelopeBatch) async -> ReportOutcome {
        await withTaskExecutorPreference(transport.executor) { await sendAll(of: batch) }
    }

    func close() async {
        await transport.close()
    }

    // MARK: batches

    private func sendAll(of batch: EnvelopeBatch) async -> ReportOutcome {
        var outcome = ReportOutcome(accepted: 0)
        while !(await sendRest(of: batch, &outcome)) {}
        return outcome
    }

    /// Sends what has not been accepted yet.
    ///
    /// - Returns: whether this is all that can be done. If not, the master has said that its limit is lower, and the rest must be made to fit.
    private func sendRest(of batch: EnvelopeBatch, _ outcome: inout ReportOutcome) async -> Bool {
        var limits = limits
        limits.messageBytes = memory.withLock { min(limits.messageBytes, $0.messageLimit ?? .max) }
        var queue = MetricQueue(batch.dropFirst(outcome.accepted), limits: limits, now: now)
        while let front = queue.first() {
            switch front {
            case .objection(let objection):
                guard case .skipped(let rule) = objection.consequence else {
                    outcome.failure = .init(
                        count: 1, error: ReportError(code: .refused, message: objection.reason, isLocal: true))
                    return true
                }
                outcome.skipped.append(.init(index: outcome.accepted, rule: rule, reason: objection.reason))
                outcome.accepted += 1
                queue.skip()
            case .metric(let first):
                let metrics = joiner.dequeueReport(from: &queue, first: first, limits: limits)
                do throws(ReportError) {
                    guard try await send(metrics, limit: limits.messageBytes) else { return false }
                } catch {
                    outcome.failure = .init(count: metrics.count, error: error)
                    return true
                }
                outcome.accepted += metrics.count
                for change in metrics.lazy.flatMap(\.changes) { outcome.changed[change.rawValue, default: 0] += 1 }
            }
        }
        return true
    }

    /// Sends several metrics as one report, or one as the reports that it needs.
    ///
    /// - Returns: `false` if the master says that its limit is lower than `limit`.
    private func send(_ metrics: ArraySlice<DLRoverMetric>, limit: Int) async throws(ReportError) -> Bool {
        if let metric = metrics.first, let event = metric.event {
            return try await send(DLRoverEvent(event, node: metric.head.node), limit: limit)
        }
        guard try await send(DLRoverReport(joining: metrics), limit: limit) else { return false }
        for metric in metrics {
            for content in metric.furtherContents {
                guard try await send(DLRoverReport(metric, content: content), limit: limit) else { return false }
            }
        }
        return true
    }

    private func send(_ report: any DLRoverMessage, limit: Int) async throws(ReportError) -> Bool {
        let size = max(report.messageSize(.comm), report.messageSize(.grpc))
        guard size <= limit else {
            throw ReportError(
                code: .refused,
                message: "the report has \(size) bytes, more than the \(limit) that \(master) receives", isLocal: true)
        }
        guard case .tooLarge(let masters, let error) = try await sendAsAnyModule(report) else { return true }
        guard memory.withLock({ $0.recordMessageLimit(masters, below: limit) }) else { throw error }
        logger.notice("The master accepts only smaller messages than assumed.", metadata: ["bytes": "\(masters)"])
        return false
    }

    // MARK: calls

    /// Sends the message, and again under the other version's module name if the master cannot read it.
    ///
    /// - Returns: never `notTaken`.
    private func sendAsAnyModule(_ message: any DLRoverMessage) async throws(ReportError) -> DLRoverAnswer {
        do throws(ReportError) {
            let module = memory.withLock(\.module)
            if let answer = try await send(message, module) { return answer }
            // Even when the master has taken that module before: another version may have replaced it unnoticed.
            if transport.mayMeetOldModule, let answer = try await send(message, module.other) {
                return answer
            }
            try await checkJob(module)
        } catch {
            if error.isRetriable { memory.withLock { $0.recordOutage() } }
            throw error
        }
        throw ReportError(
            code: .refused,
            message:
                "\(master) could not read the report, which it answers with success=false and no reason; its log has one"
        )
    }

    /// Asks the master something that has no effect, to learn whether it belongs to this job.
    private func checkJob(_ module: DLRoverModule) async throws(ReportError) {
        do throws(ReportError) {
            _ = try await transport.get(nil, module: module)
        } catch {
            // The message has had its answer, so whatever becomes of this question, the message was not taken.
            throw ReportError(code: error.code, message: error.message, rule: error.rule)
        }
    }

    /// - Returns: `nil` if the master did not take it.
    private func send(_ message: any DLRoverMessage, _ module: DLRoverModule) async throws(ReportError)
        -> DLRoverAnswer?
    {
        let answer = try await transport.report(message, module: module)
        if case .notTaken = answer { return nil }
        if case .taken = answer { noteSuccess(of: module) }
        return answer
    }

    private func noteSuccess(of module: DLRoverModule) {
        if memory.withLock({ $0.recordSuccess(of: module) }) {
            logger.info("The master takes reports.", metadata: ["module": "\(module.rawValue)"])
        }
    }
}

extension DLRoverClient: FailureReporter {
    func reportFailures(_ failure: NodeFailure) async throws(ReportError) {
        if case .tooLarge(_, let error) = try await sendAsAnyModule(try DLRoverFailure(checking: failure)) {
            throw error
        }
    }
}

extension DLRoverClient: HeartbeatSender {
    func sendHeartbeat(at time: Int64, node: NodeIdentity) async throws(ReportError) -> DiagnosisActionNote? {
        let heartbeat = try DLRoverHeartbeat(at: time, node: node, now: now())
        let module = memory.withLock(\.module)
        // A master answers a pickle that it can't read with nothing, and a heartbeat with something.
        var answer = try await transport.get(heartbeat, module: module)
        if answer.isEmpty, transport.mayMeetOldModule {
            answer = try await transport.get(heartbeat, module: module.other)
        }
        guard !answer.isEmpty else {
            throw ReportError(code: .refused, message: "\(master) could not read the heartbeat; its log has the reason")
        }
        do throws(PickleError) {
            return try HeartbeatResponse.action(pickle: answer)
        } catch {
            throw ReportError(code: .refused, message: "\(master) answered a heartbeat with something else: \(error)")
        }
    }
}

/// What has been learned about a master.
struct MasterMemory: Sendable {
    /// The module name to try first.
    private(set) var module = DLRoverModule.comm
    /// Whether the master has taken a pickle with it since it was last away.
    private var isProven = false
    /// The largest message that the master says it accepts, in bytes, if it has said so.
    private(set) var messageLimit: Int?

    /// Notes that the master has taken a pickle of this module.
    ///
    /// - Returns: whether that is news.
    mutating func recordSuccess(of module: DLRoverModule) -> Bool {
        let isNews = !isProven || module != self.module
        self.module = module
        isProven = true
        return isNews
    }

    /// Notes that the master says it accepts no more than `limit` bytes.
    ///
    /// - Returns: whether that is less than what was known.
    mutating func recordMessageLimit(_ limit: Int, below known: Int) -> Bool {
        guard limit > 0, limit < known else { return false }
        messageLimit = limit
        return true
    }

    /// Notes that the master was away: another version may come back.
    mutating func recordOutage() {
        isProven = false
        messageLimit = nil
    }
}
