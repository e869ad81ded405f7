import Diagnosis
import Logging
import NIOCore
import NIOHPACK
import Synchronization

/// Calls a DLRover master over gRPC: `elastic.Master/report` and `elastic.Master/get`
/// (`dlrover/proto/elastic_training.proto`).
struct DLRoverGRPCTransport: DLRoverTransport {
    let mayMeetOldModule = true
    var executor: (any TaskExecutor)? { client.executor }
    private let client: GRPCClient
    private let errors: GRPCErrorText
    private let reportHeaders: HPACKHeaders
    private let getHeaders: HPACKHeaders

    init(url: MasterURL, host: String, port: Int, options: MasterClientOptions, logger: Logger) {
        client = GRPCClient(
            host: host, port: port, metadata: [("user-agent", options.userAgent), ("job_uid", options.jobUID)],
            timeout: options.deadline, connectTimeout: options.connectTimeout,
            proxy: options.proxy, security: url.security(options.tls, logger: logger), logger: logger)
        errors = GRPCErrorText(
            master: url.description, deadline: options.deadline)
        reportHeaders = client.headers(path: "/elastic.Master/report")
        getHeaders = client.headers(path: "/elastic.Master/get")
    }

    func report(_ message: any DLRoverMessage, module: DLRoverModule) async throws(ReportError) -> DLRoverAnswer {
        let answer = try await call(reportHeaders, Self.encode(message, module))
        if let limit = GRPCErrorText.messageLimit(answer.status) {
            return .tooLarge(limit: limit, error: errors.error(of: answer.status))
        }
        let response = try read(answer) { (message) throws(ProtoError) in try ElasticResponse(decoding: message) }
        return response?.success ?? false ? .taken : .notTaken
    }

    func get(_ message: (any DLRoverMessage)?, module: DLRoverModule) async throws(ReportError) -> [UInt8] {
        let request = message.map { Self.encode($0, module) } ?? GRPCMessageBody.framed(ByteBuffer())
        return try read(try await call(getHeaders, request), ElasticMessage.data) ?? []
    }

    func close() async {
        await client.close()
    }

    private func call(_ headers: HPACKHeaders, _ request: ByteBuffer) async throws(ReportError) -> GRPCAnswer {
        let token = GRPCCall.Token()
        switch await client.call(headers, request, token: token) {
        case .success(let answer): return answer
        case .failure(let failure):
            throw errors.error(of: failure, mayHaveArrived: token.mayHaveArrived.load(ordering: .relaxed))
        }
    }

    private func read<Value>(
        _ answer: GRPCAnswer, _ decode: (ByteBuffer) throws(ProtoError) -> Value
    ) throws(ReportError) -> Value? {
        guard answer.status.code == .ok else { throw errors.error(of: answer.status) }
        do throws(ProtoError) {
            guard let message = answer.message else { return nil }
            return try decode(message)
        } catch {
            throw errors.error(of: .notGRPC("its answer is \(error)"), mayHaveArrived: true)
        }
    }

    /// gRPC's prefix (not compressed, length), the message, the pickle: written once into one buffer.
    static func encode(_ message: any DLRoverMessage, _ module: DLRoverModule) -> ByteBuffer {
        let size = message.messageSize(module)
        var buffer = ByteBufferAllocator().buffer(capacity: GRPCMessageBody.prefixBytes + size)
        GRPCMessageBody.writePrefix(of: size, to: &buffer)
        ElasticMessage.appendHead(
            nodeID: message.node.id, nodeType: message.node.type, dataBytes: message.pickleSize(module), to: &buffer)
        message.appendPickle(module, to: &buffer)
        return buffer
    }
}
