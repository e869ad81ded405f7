import Diagnosis
import Logging
private import Synchronization
import SystemSupport

/// Reports to whatever receives OTLP: logs as log records, and XPUTimer's pages as metrics if that is asked for.
///
/// A receiver does not know what it has had before, so what is sent again after an answer was lost arrives twice, with the same attributes.
final class OTLPClient: EnvelopeReporter {
    private let transport: any OTLPTransport
    private let errors: OTLPErrorText
    private let logs: OTLPLogs
    private let metrics: OTLPMetrics?
    private let logger: Logger
    private let notes = Mutex(Notes())

    private struct Notes {
        var rejected = QuietCounter()
        var remarks = ProblemLog()
    }

    /// - Parameter observer: says which lines speak of a failure, and when lines were written; `nil`: nothing is known of either.
    init(
        transport: any OTLPTransport, master: String, options: MasterClientOptions, observer: (any LogObserver)?,
        logger: Logger
    ) {
        self.transport = transport
        self.logger = logger
        errors = OTLPErrorText(master: master, deadline: options.deadline)
        logs = OTLPLogs(
            job: options.jobUID, hostName: options.otlp.hostName, limit: options.maxMessageBytes, observer: observer)
        metrics =
            options.otlp.sendsMetrics
            ? OTLPMetrics(job: options.jobUID, hostName: options.otlp.hostName, limit: options.maxMessageBytes) : nil
    }

    func report(_ batch: EnvelopeBatch) async -> ReportOutcome {
        var outcome = ReportOutcome(accepted: 0)
        var isRejected = false
        for request in requests(of: batch) where !(await send(request, adding: &outcome, &isRejected)) { break }
        return outcome
    }

    func close() async {
        await transport.close()
    }

    private func requests(of batch: EnvelopeBatch) -> [OTLPRequest] {
        if let metrics, batch.lane.dataType == .xpuTimerMetric { return metrics.requests(of: batch) }
        return logs.requests(of: batch)
    }

    /// - Parameter isRejected: whether records of the envelope with which the request begins, and earlier ones end, were rejected.
    /// - Returns: whether the next one may be sent.
    private func send(
        _ request: OTLPRequest, adding outcome: inout ReportOutcome, _ isRejected: inout Bool
    ) async -> Bool {
        var rejected = 0
        if request.records > 0 {
            do throws(ReportError) {
                let answer = try await transport.export(request.message, as: request.signal)
                rejected = max(0, min(answer.rejected, request.records))
                guard rejected < request.records else {
                    outcome.failure = .init(
                        count: request.touched, error: errors.error(rejectingAll: answer), concernsAll: true)
                    return false
                }
                tell(answer, rejected: rejected)
            } catch {
                outcome.failure = .init(count: request.touched, error: error)
                return false
            }
        }
        for skip in request.skipped {
            outcome.skipped.append(.init(index: skip.index, rule: skip.rule, reason: skip.reason))
        }
        outcome.accepted += request.finished
        outcome.changed.merge(request.changed, uniquingKeysWith: +)
        // Each envelope once, also one that several calls carry.
        let partly = rejected > 0 ? request.finished : min(request.finished, isRejected ? 1 : 0)
        isRejected = rejected > 0 ? request.touched > request.finished : isRejected && request.finished == 0
        outcome.rejectedRecords += UInt64(rejected)
        if partly > 0 { outcome.changed[ReportOutcome.partlyRejected, default: 0] += UInt64(partly) }
        return true
    }

    private func tell(_ answer: OTLPAnswer, rejected: Int) {
        let message = HTTPErrorText.plain(answer.message)
        if rejected > 0 {
            let count = notes.withLock { notes in
                notes.rejected.count(rejected)
                return notes.rejected.due()
            }
            guard let count else { return }
            logger.warning(
                "The receiver has not taken some records of a report that it took, and does not say which.",
                metadata: ["records": "\(count)", "message": "\(SecretText.hidden(in: message))"])
        } else if message.isEmpty {
            _ = notes.withLock { $0.remarks.solve() }
        } else if notes.withLock({ $0.remarks.shouldReport(message) }) {
            logger.notice(
                "The receiver has a remark on what it took.",
                metadata: ["message": "\(SecretText.hidden(in: message))"])
        }
    }
}
