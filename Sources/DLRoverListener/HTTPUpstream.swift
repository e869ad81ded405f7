internal import Diagnosis
internal import GRPCCore
internal import Logging
internal import MasterClients

/// A DLRover master over HTTP: the pickles go through byte for byte, in HTTP's envelope.
struct HTTPUpstream: Upstream {
    private let relay: DLRoverHTTPRelay

    init(host: String, port: Int, options: MasterClientOptions, logger: Logger) {
        relay = DLRoverHTTPRelay(host: host, port: port, options: options, logger: logger)
    }

    func call(_ method: MasterMethod, _ message: [UInt8], metadata: Metadata) async throws -> [UInt8] {
        guard let request = DLRoverRequest(message: message) else {
            throw RPCError(code: .internalError, message: "the request is no elastic.Message")
        }
        do throws(ReportError) {
            switch method {
            case .report: return try await relay.report(request)
            case .get: return try await relay.get(request)
            }
        } catch {
            throw RPCError(code: Self.code(of: error), message: error.message)
        }
    }

    func run() async {
        // Connections are made by calls; there is nothing to keep, but to close at the end.
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
        await relay.close()
    }

    /// What a gRPC client makes of an HTTP master's failure as it would of a gRPC master's.
    private static func code(of error: ReportError) -> RPCError.Code {
        switch error.code {
        case .wrongJob: .unauthenticated
        case .deadlineExceeded: .deadlineExceeded
        case .refused: .unknown
        default: .unavailable
        }
    }
}
