import Diagnosis
import Logging
import NIOCore

/// Passes calls to a master that serves gRPC: messages byte for byte, the client's metadata and deadline with them.
struct DLRoverGRPCRelay: DLRoverRelay {
    private static let prefixBytes = 5

    private let client: GRPCClient
    private let master: String

    init(host: String, port: Int, options: MasterClientOptions, logger: Logger) {
        client = GRPCClient(
            host: host, port: port, metadata: [], timeout: options.deadline, connectTimeout: options.connectTimeout,
            longestAnswer: Self.prefixBytes + RelayLimits.messageBytes, logger: logger)
        master = MasterURL(target: .dlroverGRPC(host: host, port: port)).description
    }

    func answer(to call: RelayedCall) async throws(GRPCStatus) -> ByteBuffer {
        let headers = client.headers(path: call.path, metadata: call.metadata, timeout: call.timeout)
        switch await client.call(headers, Self.framed(call.message), timeout: call.patience) {
        case .success(let answer):
            guard answer.status.code == .ok, let message = answer.message else { throw answer.status }
            return message
        case .failure(let failure):
            let errors = GRPCErrorText(master: master, deadline: call.patience)
            throw GRPCStatus(relaying: errors.error(of: failure, mayHaveArrived: false))
        }
    }

    func close() async {
        await client.close()
    }

    private static func framed(_ message: ByteBuffer) -> ByteBuffer {
        var request = ByteBufferAllocator().buffer(capacity: prefixBytes + message.readableBytes)
        request.writeMultipleIntegers(UInt8(0), UInt32(message.readableBytes))
        request.writeImmutableBuffer(message)
        return request
    }
}
