import Diagnosis
import Logging
import NIOCore
import NIOHPACK

/// Calls a DLRover master over gRPC: `elastic.Master/report` and `elastic.Master/get`
/// (`dlrover/proto/elastic_training.proto`).
struct DLRoverGRPCTransport: DLRoverTransport {
    let mayMeetOldModule = true
    var executor: (any TaskExecutor)? { client.executor }
    private let client: GRPCClient
    private let errors: GRPCErrorText
    private let reportHeaders: HPACKHeaders
    private let getHeaders: HPACKHeaders

    init(host: String, port: Int, options: MasterClientOptions, logger: Logger) {
        client = GRPCClient(
            host: host, port: port, metadata: [("user-agent", options.userAgent), ("job_uid", options.jobUID)],
            timeout: options.deadline, connectTimeout: options.connectTimeout, logger: logger)
        errors = GRPCErrorText(
            master: MasterURL(target: .dlroverGRPC(host: host, port: port)).description, deadline: options.deadline)
        reportHeaders = client.headers(path: "/elastic.Master/report")
        getHeaders = client.headers(path: "/elastic.Master/get")
    }

    func report(_ report: DLRoverReport, module: DLRoverModule) async throws(ReportError) -> Bool {
        guard let answer = try await call(reportHeaders, Self.encode(report, module)) else { return false }
        do throws(ProtoError) {
            return try ElasticResponse(decoding: answer).success
        } catch {
            throw errors.error(of: .notGRPC("its answer is \(error)"))
        }
    }

    func checkJob() async throws(ReportError) {
        _ = try await call(getHeaders, ByteBuffer(repeating: 0, count: 5))
    }

    func close() async {
        await client.close()
    }

    private func call(_ headers: HPACKHeaders, _ request: ByteBuffer) async throws(ReportError) -> ByteBuffer? {
        switch await client.call(headers, request) {
        case .success(let answer):
            guard answer.status.code == .ok else { throw errors.error(of: answer.status) }
            return answer.message
        case .failure(let failure): throw errors.error(of: failure)
        }
    }

    /// gRPC's prefix (not compressed, length), the message, the pickle: written once into one buffer.
    static func encode(_ report: DLRoverReport, _ module: DLRoverModule) -> ByteBuffer {
        let size = report.messageSize(module)
        var buffer = ByteBufferAllocator().buffer(capacity: 5 + size)
        buffer.writeMultipleIntegers(UInt8(0), UInt32(size))
        ElasticMessage.appendHead(
            nodeID: report.node.id, nodeType: report.node.type, dataBytes: report.pickleSize(module), to: &buffer)
        PickleWriter.appendReport(module, json: report.json, nodeRank: report.node.rank, to: &buffer)
        return buffer
    }
}
