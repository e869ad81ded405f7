internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import MasterClients
internal import NIOCore

extension RelayedCall {
    /// Reads the request of a unary call.
    ///
    /// - Throws: the status to answer with, if it is none.
    init(
        of stream: RPCStream<HTTP2ServerTransport.Posix.Inbound, HTTP2ServerTransport.Posix.Outbound>
    ) async throws(GRPCStatus) {
        var metadata: Metadata?
        var message: ByteBuffer?
        do {
            for try await part in stream.inbound {
                switch part {
                case .metadata(let block): metadata = block
                case .message(let bytes):
                    guard message == nil else { throw RPCError(code: .unimplemented, message: "") }
                    message = bytes.withUnsafeBytes { ByteBuffer(bytes: $0) }
                }
            }
        } catch {
            throw GRPCStatus(code: .unimplemented, message: "only calls with one request message are passed on")
        }
        guard let message else { throw GRPCStatus(code: .internalError, message: "the call has no request message") }
        self.init(
            path: "/\(stream.descriptor.fullyQualifiedMethod)", metadata: Self.own(metadata ?? [:]), message: message,
            timeout: metadata.flatMap { $0[stringValues: "grpc-timeout"].first { _ in true } }.flatMap(
                CallTimeout.read))
    }

    /// The client's own metadata, `job_uid` above all, without what belongs to its connection with us.
    private static func own(_ metadata: Metadata) -> [(name: String, value: String)] {
        metadata.compactMap { (name, value) in
            guard !name.hasPrefix("grpc-"), !name.hasPrefix(":"), !transportNames.contains(name) else { return nil }
            return (name, value.encoded())
        }
    }

    private static let transportNames: Set<String> = ["te", "content-type", "content-length", "host", "connection"]
}
