import Diagnosis
import Logging
import Synchronization

/// Reports to a DLRover master, one call at a time within a batch.
///
/// A master answers success or not; what a failure means is found out here: another version's module name, another job, or
/// data that it does not take.
final class DLRoverClient: EnvelopeReporter {
    private let transport: any DLRoverTransport
    private let master: String
    private let joiner: ReportJoiner
    private let maxMessageBytes: Int
    private let logger: Logger
    private let memory = Mutex(ModuleMemory())

    /// - Parameter master: the master's URL, for messages.
    init(transport: any DLRoverTransport, master: String, options: MasterClientOptions, logger: Logger) {
        self.transport = transport
        self.master = master
        joiner = ReportJoiner(options)
        maxMessageBytes = options.maxMessageBytes
        self.logger = logger
    }

    func report(_ batch: EnvelopeBatch) async -> ReportOutcome {
        await withTaskExecutorPreference(transport.executor) { await sendAll(of: batch) }
    }

    private func sendAll(of batch: EnvelopeBatch) async -> ReportOutcome {
        let (bodies, badBody) = Self.check(batch)
        var accepted = 0
        while accepted < bodies.count {
            let joined = joiner.next(in: bodies, from: accepted)
            do throws(ReportError) {
                try await send(DLRoverReport(joining: joined))
            } catch {
                return ReportOutcome(accepted: accepted, failure: .init(count: joined.count, error: error))
            }
            accepted += joined.count
        }
        return ReportOutcome(accepted: accepted, failure: badBody.map { .init(count: 1, error: $0) })
    }

    func close() async {
        await transport.close()
    }

    /// The batch's bodies up to the first that is no metric, and why it is none.
    private static func check(_ batch: EnvelopeBatch) -> (bodies: [MetricBody], failure: ReportError?) {
        var bodies: [MetricBody] = []
        bodies.reserveCapacity(batch.count)
        for entry in batch.entries {
            do throws(MetricJSONError) {
                bodies.append(try MetricBody(checking: batch.body(of: entry)))
            } catch {
                return (bodies, ReportError(code: .refused, message: "the envelope's body is no metric: \(error)"))
            }
        }
        return (bodies, nil)
    }

    private func send(_ report: DLRoverReport) async throws(ReportError) {
        do throws(ReportError) {
            try await sendAsAnyModule(report)
        } catch {
            if error.code == .unavailable { memory.withLock { $0.forget() } }
            throw error
        }
    }

    private func sendAsAnyModule(_ report: DLRoverReport) async throws(ReportError) {
        let (module, isProven) = memory.withLock { ($0.module, $0.isProven) }
        if try await send(report, module) { return }
        if !isProven, transport.mayMeetOldModule, try await send(report, module.other) { return }
        try await transport.checkJob()
        throw ReportError(
            code: .refused,
            message:
                "\(master) could not read the report, which it answers with success=false and no reason; its log has one"
        )
    }

    private func send(_ report: DLRoverReport, _ module: DLRoverModule) async throws(ReportError) -> Bool {
        let size = report.messageSize(module)
        guard size <= maxMessageBytes else {
            throw ReportError(
                code: .refused,
                message: "the report has \(size) bytes, more than the \(maxMessageBytes) that \(master) receives")
        }
        guard try await transport.report(report, module: module) else { return false }
        if memory.withLock({ $0.worked(module) }) {
            logger.info("The master takes reports.", metadata: ["module": "\(module.rawValue)"])
        }
        return true
    }
}
