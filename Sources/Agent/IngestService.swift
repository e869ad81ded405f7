internal import ServiceLifecycle
internal import ZMQBridge

/// Ingest as a service.
struct IngestService: Service {
    private let server: IngestServer

    init(_ server: IngestServer) {
        self.server = server
    }

    func run() async throws {
        let server = self.server
        try await cancelWhenGracefulShutdown { try await server.run() }
    }
}
