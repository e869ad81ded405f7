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
