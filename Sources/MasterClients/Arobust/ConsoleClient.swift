import Diagnosis
private import FoundationEssentials
import Logging
import NIOCore
import NIOHPACK
private import Synchronization

/// Reports to arobust's own master, the console: a batch is one call, or several where it is larger than a message may be.
///
/// The console knows each lane's last sequence, so that what is reported again after an answer was lost is stored once. So an ambiguous
/// failure is simply tried again.
final class ConsoleClient: EnvelopeReporter {
    /// The console tells duplicates and gaps by a lane's sequences.
    let needsLanesInOrder = true
    /// One call may carry as much as the listener takes comfortably; a single larger envelope goes alone.
    private static let messageBytes = 4 << 20

    private let client: GRPCClient
    private let errors: GRPCErrorText
    private let reportHeaders: HPACKHeaders
    private let beatHeaders: HPACKHeaders
    private let master: String

    init(url: MasterURL, host: String, port: Int, options: MasterClientOptions, logger: Logger) {
        master = url.description
        let token = options.token.map { [("authorization", "Bearer \($0)")] } ?? []
        client = GRPCClient(
            host: host, port: port,
            metadata: [("user-agent", options.userAgent), (ConsoleCalls.job, options.jobUID)] + token,
            timeout: options.deadline, connectTimeout: options.connectTimeout,
            proxy: options.proxy, security: url.security(options.tls, logger: logger), logger: logger)
        errors = GRPCErrorText(master: master, deadline: options.deadline)
        reportHeaders = client.headers(path: ConsoleCalls.report)
        beatHeaders = client.headers(path: ConsoleCalls.beat)
    }

    func report(_ batch: EnvelopeBatch) async -> ReportOutcome {
        await withTaskExecutorPreference(client.executor) {
            var outcome = ReportOutcome(accepted: 0)
            var rest = batch
            while !rest.isEmpty, outcome.failure == nil {
                let piece = rest.prefix(Self.countThatFits(of: rest))
                await send(piece, adding: &outcome)
                rest = batch.dropFirst(outcome.accepted)
            }
            return outcome
        }
    }

    func close() async {
        await client.close()
    }

    private func send(_ piece: EnvelopeBatch, adding outcome: inout ReportOutcome) async {
        do throws(ReportError) {
            var message = ByteBufferAllocator().buffer(capacity: ReportMessage.size(of: piece))
            ReportMessage.append(piece, to: &message)
            let answer = try await call(reportHeaders, message)
            guard let receipt = ReportReceipt(answer), receipt.finished <= piece.count, receipt.finished > 0 else {
                throw ReportError(
                    code: .unavailable,
                    message: "\(master) gave an answer that is no receipt; is it an arobust console?",
                    isAmbiguous: true)
            }
            outcome.skipped += receipt.skipped.map {
                ReportOutcome.Skip(index: outcome.accepted + $0.index, rule: $0.rule, reason: $0.reason)
            }
            outcome.accepted += receipt.finished
        } catch {
            outcome.failure = .init(count: piece.count, error: error)
        }
    }

    private static func countThatFits(of batch: EnvelopeBatch) -> Int {
        guard ReportMessage.size(of: batch) > messageBytes else { return batch.count }
        var (count, bytes) = (0, 0)
        for entry in batch.entries {
            bytes += batch.body(of: entry).count + batch.originBytes(of: entry).count + 64
            guard bytes <= messageBytes || count == 0 else { break }
            count += 1
        }
        return count
    }

    /// - Returns: the answer's message.
    private func call(_ headers: HPACKHeaders, _ message: ByteBuffer) async throws(ReportError) -> ByteBuffer {
        let token = GRPCCall.Token()
        switch await client.call(headers, GRPCMessageBody.framed(message), token: token) {
        case .success(let answer):
            guard answer.status.code == .ok else { throw Self.error(of: answer.status, errors) }
            return answer.message ?? ByteBuffer()
        case .failure(let failure):
            var error = errors.error(of: failure, mayHaveArrived: token.mayHaveArrived.load(ordering: .relaxed))
            // Storing twice is impossible, so there is nothing to be careful about.
            error.isAmbiguous = false
            throw error
        }
    }

    private static func error(of status: GRPCStatus, _ errors: GRPCErrorText) -> ReportError {
        switch status.code {
        case .unauthenticated, .permissionDenied:
            ReportError(
                code: .wrongJob,
                message: "\(errors.master) does not let this node in: '\(status.message)'; check delivery.token-file")
        case .unavailable, .resourceExhausted:
            ReportError(code: .storage, message: "\(errors.master) cannot take it now: '\(status.message)'")
        case .invalidArgument:
            ReportError(code: .refused, message: "\(errors.master) could not read the report: '\(status.message)'")
        default: errors.error(of: status)
        }
    }
}

extension ConsoleClient: BeatSender {
    func send(_ beat: NodeBeat) async throws(ReportError) {
        guard let json = try? JSONEncoder().encode(beat), json.count <= ConsoleCalls.longestBeat else { return }
        _ = try await call(beatHeaders, ByteBuffer(bytes: json))
    }
}
