internal import Diagnosis
internal import Logging
private import Synchronization
internal import SystemSupport

/// What the log says of a master: changes of its state at once, repetitions at most once in a while.
final class MasterLog: Sendable {
    private struct State {
        var failingSince: ContinuousClock.Instant?
        var failures = 0
        var lastCode: ReportError.Code?
        var isStorageFailing = false
        var refusals = QuietCounter()
        var lost: [Lost: QuietCounter] = [:]
        var skipped: [DeliveryNews.Rule: Skipped] = [:]
    }

    private struct Skipped {
        var counter = QuietCounter()
        var reason: String?
    }

    private struct Lost: Hashable {
        let lane: Lane
        let reason: String
    }

    private let logger: Logger
    private let state = Mutex(State())

    init(master: String, logger: Logger) {
        var logger = logger
        logger[metadataKey: "master"] = "\(master)"
        self.logger = logger
    }

    func logCall(_ outcome: ReportOutcome, _ effect: CallEffect, type: DiagnosisDataType) {
        if outcome.accepted > 0 || outcome.failure == nil { succeeded() }
        if let failure = outcome.failure { failed(failure, type: type, wasPassed: effect.refused) }
        if let pause = effect.heldFor {
            logger.error(
                effect.poisoned
                    ? "A data type is poisoned at the master; it is on hold, and one report will be retried."
                    : "The master keeps refusing a data type; it is on hold, and one report will be retried.",
                metadata: ["type": "\(type)", "pause": "\(DurationText.write(pause))"])
        }
        if effect.released {
            logger.notice("The master accepts a data type again.", metadata: ["type": "\(type)"])
        }
    }

    private func succeeded() {
        let outage = state.withLock { state -> (failures: Int, duration: Duration)? in
            defer {
                state.failingSince = nil
                state.failures = 0
                state.lastCode = nil
            }
            return state.failingSince.map { (state.failures, $0.duration(to: .now)) }
        }
        guard let outage else { return }
        logger.notice(
            "The master accepts reports again.",
            metadata: ["failures": "\(outage.failures)", "outage": "\(DurationText.write(outage.duration))"])
    }

    private func failed(_ failure: ReportOutcome.Failure, type: DiagnosisDataType, wasPassed: Bool) {
        let error = failure.error
        if error.code == .refused {
            guard !wasPassed else { return logRefusal(error, type: type) }
            logger.warning(
                "The master refused a joined report; its envelopes are sent one by one.",
                metadata: ["type": "\(type)", "envelopes": "\(failure.count)", "error": "\(error)"])
            return
        }
        guard isNews(error.code) else { return }
        let metadata: Logger.Metadata = ["type": "\(type)", "error": "\(error)"]
        switch error.code {
        case .wrongJob:
            logger.error("The master belongs to another job; nothing more is sent to it.", metadata: metadata)
        case .deadlineExceeded: logger.warning("The master did not answer in time; trying again.", metadata: metadata)
        case .storage: logger.warning("A report could not be written; trying again.", metadata: metadata)
        case .closed: break
        default: logger.warning("The master cannot be reached; trying again.", metadata: metadata)
        }
    }

    /// Whether a failure is of another kind than the last one.
    private func isNews(_ code: ReportError.Code) -> Bool {
        state.withLock { state in
            state.failures += 1
            state.failingSince = state.failingSince ?? .now
            defer { state.lastCode = code }
            return state.lastCode != code
        }
    }

    private func logRefusal(_ error: ReportError, type: DiagnosisDataType) {
        let due = state.withLock { state in
            state.refusals.count(1)
            return state.refusals.due()
        }
        guard let due else { return }
        logger.error(
            "The master rejected a report permanently.",
            metadata: ["type": "\(type)", "error": "\(error)", "refused": "\(due)"])
    }

    /// Logs that the ledger could not be written: once, until `storageRecovered`.
    func storageFailed(_ error: String) {
        let isNews = state.withLock { state in
            defer { state.isStorageFailing = true }
            return !state.isStorageFailing
        }
        guard isNews else { return }
        logger.error(
            "The ledger of a master cannot be written; the lanes concerned are held until it can.",
            metadata: ["error": "\(error)"])
    }

    func storageRecovered() {
        state.withLock { $0.isStorageFailing = false }
        logger.notice("The ledger of a master can be written again.")
    }

    // MARK: losses and skips

    func logNews(_ news: DeliveryNews) {
        let (lost, skipped) = state.withLock { state in
            for (lane, reasons) in news.lost {
                for (reason, count) in reasons {
                    state.lost[Lost(lane: lane, reason: reason), default: QuietCounter()].count(Int(clamping: count))
                }
            }
            for (rule, skipped) in news.skipped {
                state.skipped[rule, default: Skipped()].counter.count(Int(clamping: skipped.count))
                if let reason = skipped.reason { state.skipped[rule]?.reason = reason }
            }
            return (
                state.lost.keys.compactMap { key in state.lost[key]?.due().map { (key, $0) } },
                state.skipped.keys.compactMap { rule in
                    state.skipped[rule]?.counter.due().map { (rule, $0, state.skipped[rule]?.reason) }
                }
            )
        }
        for (key, count) in lost { logLost(key, count) }
        for (rule, count, reason) in skipped { logSkipped(rule, count, reason) }
    }

    private func logLost(_ lost: Lost, _ count: Int) {
        logger.error(
            lost.reason == Fate.ambiguous.reason
                ? "Samples that were sent got no answer; they are not sent again, since the master may have them."
                : "Envelopes are lost: the publisher no longer has them.",
            metadata: ["lane": "\(lost.lane)", "reason": "\(lost.reason)", "envelopes": "\(count)"])
    }

    private func logSkipped(_ rule: DeliveryNews.Rule, _ count: Int, _ reason: String?) {
        var metadata: Logger.Metadata = ["type": "\(rule.type)", "envelopes": "\(count)"]
        switch Fate.skipped(rule.name) {
        case .stale:
            logger.warning("Envelopes are too old for the master; they are skipped.", metadata: metadata)
        case .incident:
            // As designed: the master gets what they come to.
            logger.debug("Pieces of an incident's bundle are skipped.", metadata: metadata)
        case .slot:
            // As set: a source that is read more often than the master wants it.
            logger.debug("Further samples of a node's slot are skipped.", metadata: metadata)
        default:
            metadata["rule"] = "\(rule.name)"
            metadata["reason"] = "\(reason ?? rule.name)"
            logger.warning("Envelopes that would harm or mislead the master are skipped.", metadata: metadata)
        }
    }

    /// Logs, at the end, what became of everything since the account began, and the counts that have not been logged yet.
    ///
    /// - Parameter held: how many envelopes each lane has in memory that are not finished.
    func summarize(_ ledgers: [Lane: LaneCounts], held: [Lane: Int], isWrongJob: Bool) {
        let (lost, skipped) = state.withLock { state in
            (
                state.lost.keys.compactMap { key in state.lost[key]?.takeRest().map { (key, $0) } },
                state.skipped.keys.compactMap { rule in
                    state.skipped[rule]?.counter.takeRest().map { (rule, $0, state.skipped[rule]?.reason) }
                }
            )
        }
        for (key, count) in lost { logLost(key, count) }
        for (rule, count, reason) in skipped { logSkipped(rule, count, reason) }
        let pending = held.values.reduce(0, +)
        if pending > 0 {
            logger.warning(
                isWrongJob
                    ? "Envelopes were not sent because the master belongs to another job; they wait in the journal."
                    : "Envelopes wait in the journal for the next start.",
                metadata: ["envelopes": "\(pending)"])
        }
        for (lane, counts) in ledgers.sorted(by: { $0.key.description < $1.key.description }) {
            logger.info(
                "Reporting to the master has ended.",
                metadata: [
                    "lane": "\(lane)", "delivered": "\(counts.delivered)",
                    "skipped": "\(counts.skipped.values.reduce(0, +))", "lost": "\(counts.lost.values.reduce(0, +))",
                    "pending": "\(held[lane] ?? 0)",
                ])
        }
    }
}
