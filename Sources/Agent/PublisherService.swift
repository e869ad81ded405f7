internal import ServiceLifecycle
internal import ZMQBridge

/// The publisher's beat as a service.
struct PublisherService: Service {
    private let publisher: MetricPublisher

    init(_ publisher: MetricPublisher) {
        self.publisher = publisher
    }

    func run() async throws {
        let publisher = self.publisher
        try await cancelWhenGracefulShutdown { try await publisher.run() }
    }
}
