internal import ConsoleStore
internal import CoreMetrics
internal import Diagnosis
private import FoundationEssentials
internal import MasterClients
internal import NIOCore
internal import SystemSupport

/// Answers one call to a console: a report is stored, a beat noted; of DLRover's protocol, metrics are stored and other reports acknowledged.
struct ConsoleCallHandler: Sendable {
    let intake: any ConsoleIntake
    /// `nil`: everybody who may connect may call.
    let token: String?
    let metrics: ConsoleCallMetrics

    func answer(to call: RelayedCall) async throws(GRPCStatus) -> ByteBuffer {
        switch call.path {
        case ConsoleCalls.report:
            try check(call)
            return try await store(try batches(in: call.message), from: .arobust).message
        case ConsoleCalls.beat:
            try check(call)
            await intake.heard(try beat(in: call), from: .arobust)
            return ByteBuffer()
        case "/elastic.Master/report":
            guard token == nil else {
                metrics.refused.increment()
                throw GRPCStatus(
                    code: .permissionDenied,
                    message: """
                        this console wants a token, which DLRover's protocol does not have; report through \
                        'arobust agent --listen … --master arobust://…'
                        """)
            }
            return try await storeDLRover(call.message)
        default:
            metrics.refused.increment()
            throw GRPCStatus(
                code: .unimplemented,
                message: "this is an arobust console: it takes reports, and answers no other calls of a DLRover master")
        }
    }

    // MARK: arobust

    private func check(_ call: RelayedCall) throws(GRPCStatus) {
        guard let token else { return }
        let given = call.metadata.last { $0.name == "authorization" }?.value ?? ""
        guard SecretComparison.isEqual(given, "Bearer " + token) else {
            metrics.refused.increment()
            throw GRPCStatus(
                code: .unauthenticated,
                message: given.isEmpty
                    ? "this console wants a token, and none was sent" : "the token is not this console's")
        }
    }

    private func batches(in message: ByteBuffer) throws(GRPCStatus) -> [EnvelopeBatch] {
        do throws(ReportMessage.Malformed) {
            return try ReportMessage.read(message)
        } catch {
            metrics.refused.increment()
            throw GRPCStatus(code: .invalidArgument, message: "\(error)")
        }
    }

    private func beat(in call: RelayedCall) throws(GRPCStatus) -> NodeBeat {
        guard call.message.readableBytes <= ConsoleCalls.longestBeat,
            let beat = try? JSONDecoder().decode(NodeBeat.self, from: Data(call.message.readableBytesView)),
            TopicWord.isValid(beat.nodeType)
        else { throw GRPCStatus(code: .invalidArgument, message: "the beat is none") }
        return beat
    }

    private func store(_ batches: [EnvelopeBatch], from source: ReportSource) async throws(GRPCStatus) -> ReportReceipt
    {
        do throws(ReportError) {
            return try await intake.take(batches, from: source)
        } catch {
            metrics.failed.increment()
            throw GRPCStatus(code: .unavailable, message: "\(error)")
        }
    }

    // MARK: DLRover

    private func storeDLRover(_ message: ByteBuffer) async throws(GRPCStatus) -> ByteBuffer {
        // Events, resource statistics and what else agents report: taken as a master takes what it has no use for.
        guard let reported = ReportedMetric(message: message) else { return ReportedMetric.success }
        let metric: WorkerTrainingMetric
        do throws(MetricJSONError) {
            metric = try MetricBody(checking: reported.json[...]).metric
        } catch {
            metrics.refused.increment()
            throw GRPCStatus(code: .invalidArgument, message: "arobust: the metric is none: \(error)")
        }
        guard metric.dataType.isValid, TopicWord.isValid(metric.node.type) else {
            metrics.refused.increment()
            throw GRPCStatus(
                code: .invalidArgument, message: "arobust: data_type and node_type must be \(TopicWord.rule)")
        }
        let receipt = try await store(EnvelopeBatch.batches(of: [metric]), from: .dlrover)
        if let skip = receipt.skipped.first {
            throw GRPCStatus(code: .invalidArgument, message: "arobust: \(skip.reason)")
        }
        return ReportedMetric.success
    }
}

/// The self-metrics of a console's listener: the store counts what it takes.
struct ConsoleCallMetrics: Sendable {
    let refused: Counter
    let failed: Counter

    init(factory: any MetricsFactory) {
        refused = Counter(
            label: "arobust_console_failed_calls_total", dimensions: [("reason", "refused")], factory: factory)
        failed = Counter(
            label: "arobust_console_failed_calls_total", dimensions: [("reason", "not-stored")], factory: factory)
    }
}

/// Compares secrets.
enum SecretComparison {
    /// Takes as long for a guess that is nearly right as for any other of its length.
    static func isEqual(_ given: String, _ secret: String) -> Bool {
        let (left, right) = (Array(given.utf8), Array(secret.utf8))
        var difference = left.count == right.count ? 0 : 1 as UInt8
        for index in left.indices { difference |= left[index] ^ right[index % max(1, right.count)] }
        return difference == 0
    }
}
