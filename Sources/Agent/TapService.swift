internal import ServiceLifecycle
internal import ZMQBridge

/// A subscriber with a receiver of its own, as a service.
struct TapService: Service {
    let subscriber: MetricSubscriber
    let receive: @Sendable (SubscriberDelivery) -> Bool

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await subscriber.run(receive) }
    }
}
