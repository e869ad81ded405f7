public import Logging
public import ServiceLifecycle
public import ZMQBridge

/// A publisher as a service: greets consumers and answers their requests until shutdown.
///
/// In a `ServiceGroup` it stands before the collectors that publish through it, so that it ends after them.
public struct PublisherService: Service {
    private let publisher: MetricPublisher
    private let logger: Logger

    public init(_ publisher: MetricPublisher, logger: Logger = Logger(label: "arobust")) {
        self.publisher = publisher
        self.logger = logger
    }

    public func run() async throws {
        logger.info(
            "Publishing.",
            metadata: [
                "state-dir": "\(publisher.directory.path)", "publisher": "\(publisher.id)",
                "epoch": "\(publisher.epoch)",
            ])
        try await CancelledService { try await publisher.run() }.run()
    }
}
