package import Diagnosis
package import Logging

/// Passes a gRPC client's requests to a DLRover master that serves HTTP: the same pickles in another envelope.
package struct DLRoverHTTPRelay: Sendable {
    private let transport: DLRoverHTTPTransport

    package init(host: String, port: Int, options: MasterClientOptions, logger: Logger) {
        transport = DLRoverHTTPTransport(host: host, port: port, options: options, logger: logger)
    }

    /// - Returns: the answer as an `elastic.Response`.
    package func report(_ request: DLRoverRequest) async throws(ReportError) -> [UInt8] {
        switch try await transport.report(request, module: .comm) {
        case .taken: return DLRoverAnswerMessage.response(success: true)
        case .notTaken: return DLRoverAnswerMessage.response(success: false)
        case .tooLarge(_, let error): throw error
        }
    }

    /// - Returns: the answer as an `elastic.Message`.
    package func get(_ request: DLRoverRequest) async throws(ReportError) -> [UInt8] {
        DLRoverAnswerMessage.message(pickle: try await transport.get(request, module: .comm))
    }

    package func close() async {
        await transport.close()
    }
}
