internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import MasterClients
internal import NIOCore

/// Answers one call: a metric is published, anything else goes to the master.
struct CallHandler: Sendable {
    typealias Transport = HTTP2ServerTransport.Posix

    let receiver: MetricReceiver
    /// `nil`: there is no master.
    let forwarder: CallForwarder?

    /// Lets the calls that are under way end, though the transport signals that they are cancelled.
    func stop() {
        forwarder?.stop()
    }

    func handle(_ stream: RPCStream<Transport.Inbound, Transport.Outbound>, _ context: ServerContext) async {
        do throws(GRPCStatus) {
            let call = try await RelayedCall(of: stream)
            let answer = try await answer(to: call)
            let bytes = answer.withUnsafeReadableBytes { Transport.Bytes($0) }
            try? await stream.outbound.write(contentsOf: [
                .metadata([:]), .message(bytes), .status(Status(code: .ok, message: ""), [:]),
            ])
        } catch {
            // A client that is gone is answered nothing.
            try? await stream.outbound.write(.status(Status(error), [:]))
        }
        await stream.outbound.finish()
    }

    private func answer(to call: RelayedCall) async throws(GRPCStatus) -> ByteBuffer {
        if call.path == "/elastic.Master/report", let metric = ReportedMetric(message: call.message) {
            return try await receiver.take(metric)
        }
        guard let forwarder else {
            throw GRPCStatus(
                code: .unimplemented,
                message: """
                    arobust takes report_diagnosis_agent_metrics alone and passes all other calls to the first DLRover master, of which \
                    none is configured: name one with --master dlrover+grpc://host:port
                    """)
        }
        return try await forwarder.answer(to: call)
    }
}

extension Status {
    /// A status as it came from a master. gRPC has no codes but those that `Code` knows.
    fileprivate init(_ status: GRPCStatus) {
        let code = Code(rawValue: status.code.rawValue).flatMap { $0 == .ok ? nil : $0 }
        self.init(code: code ?? .unknown, message: status.message)
    }
}

/// The header `grpc-timeout` (gRPC over HTTP2, "Requests").
enum CallTimeout {
    /// - Returns: `nil` for what is none.
    static func read(_ text: String) -> Duration? {
        let digits = text.dropLast()
        guard (1...8).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let amount = Int64(digits)
        else { return nil }
        switch text.last {
        case "H": return .seconds(amount * 3600)
        case "M": return .seconds(amount * 60)
        case "S": return .seconds(amount)
        case "m": return .milliseconds(amount)
        case "u": return .microseconds(amount)
        case "n": return .nanoseconds(amount)
        default: return nil
        }
    }
}

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
