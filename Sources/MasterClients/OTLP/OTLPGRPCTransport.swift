import Diagnosis
import Logging
import NIOCore
import NIOHPACK
import Synchronization

/// Calls an OTLP receiver over gRPC: `Export` of the logs' and the metrics' service.
struct OTLPGRPCTransport: OTLPTransport {
    private let client: GRPCClient
    private let headers: [OTLPSignal: HPACKHeaders]
    private let compresses: Bool
    private let errors: OTLPErrorText

    init(url: MasterURL, host: String, port: Int, options: MasterClientOptions, logger: Logger) {
        compresses = options.otlp.compresses
        let encoding = compresses ? [(name: "grpc-encoding", value: OTLPCompression.name)] : []
        let client = GRPCClient(
            host: host, port: port,
            metadata: [("user-agent", options.userAgent)] + encoding
                + options.otlp.headers.map { (name: $0.name, value: $0.value) },
            timeout: options.deadline, connectTimeout: options.connectTimeout,
            proxy: options.proxy, security: url.security(options.tls, logger: logger), logger: logger)
        self.client = client
        headers = [OTLPSignal.logs, .metrics].reduce(into: [:]) { $0[$1] = client.headers(path: $1.method) }
        errors = OTLPErrorText(master: url.description, deadline: options.deadline)
    }

    func export(_ message: ByteBuffer, as signal: OTLPSignal) async throws(ReportError) -> OTLPAnswer {
        let token = GRPCCall.Token()
        // A message may go uncompressed whatever `grpc-encoding` says.
        let smaller = compresses ? OTLPCompression.compressed(message) : nil
        let request = GRPCMessageBody.framed(smaller ?? message, isCompressed: smaller != nil)
        switch await client.call(headers[signal] ?? [:], request, token: token) {
        case .success(let answer):
            guard answer.status.code == .ok else { throw errors.error(of: answer.status) }
            guard let read = OTLPAnswer(protobuf: Array(buffer: answer.message ?? ByteBuffer()), to: signal) else {
                throw errors.unreadable("its message is none of OTLP's")
            }
            return read
        case .failure(let failure):
            throw errors.grpc.error(of: failure, mayHaveArrived: token.mayHaveArrived.load(ordering: .relaxed))
        }
    }

    func close() async {
        await client.close()
    }
}
