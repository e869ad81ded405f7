internal import Delivery
private import Foundation
internal import Logging
internal import ServiceLifecycle
internal import ZMQBridge

/// The bridge: a link for each master, none of which waits for another.
final class BridgeAgent: Service {
    private let links: [MasterLink]
    private let removed: RemovedMasters
    private let shutdownDeadline: Duration
    private let requestBeat: (@Sendable () -> Void)?
    private let logger: Logger

    /// - Parameter requestBeat: makes the publisher in this process beat now, so that the end of its stream can be told.
    init(
        links: [MasterLink], removed: RemovedMasters, shutdownDeadline: Duration,
        requestBeat: (@Sendable () -> Void)?, logger: Logger
    ) {
        self.links = links
        self.removed = removed
        self.shutdownDeadline = shutdownDeadline
        self.requestBeat = requestBeat
        self.logger = logger
    }

    func run() async throws {
        let (stopping, stop) = AsyncStream<Void>.makeStream()
        // Unstructured: it outlives the cancellation of this task, which it stands for.
        let stopped = Task {
            for await _ in stopping {}
        }
        let forgetting = Task { await self.removed.forget() }
        defer { forgetting.cancel() }
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await deliver(until: stopped)
        } onCancelOrGracefulShutdown: {
            stop.finish()
        }
        summarize()
    }

    /// Runs all links; when one fails, the others end in order.
    private func deliver(until stopped: Task<Void, Never>) async throws {
        if links.isEmpty { await stopped.value }
        try await withThrowingTaskGroup { group in
            for link in links {
                group.addTask { [requestBeat, shutdownDeadline] in
                    try await link.run(until: stopped, requestBeat: requestBeat, deadline: shutdownDeadline)
                }
            }
            var failure: (any Error)?
            while let result = await group.nextResult() {
                if case .failure(let error) = result { failure = failure ?? error }
            }
            if let failure { throw failure }
        }
    }

    private func summarize() {
        for link in links {
            let status = link.subscriber.status
            logger.info(
                "Reading for a master has ended.",
                metadata: [
                    "master": "\(link.reporter.consumer)", "received": "\(status.received)",
                    "replayed": "\(status.replayed)", "missing": "\(status.missing)",
                    "malformed": "\(status.malformed)", "newer-version": "\(status.newerVersion)",
                ])
        }
    }
}

/// Sees to masters that are no longer set: the publishers need keep nothing for them. Their cursors stay, for the day they come back.
struct RemovedMasters {
    /// How long a publisher is waited for.
    private static let patience: Duration = .seconds(60)

    private let names: [String]
    private let publishers: [PublisherInspection]
    private let logger: Logger

    /// - Parameters:
    ///   - consumers: where the cursors are.
    ///   - present: the names of the masters that are set.
    init(consumers: String, present: [String], publishers: [StateDirectory], logger: Logger) {
        let readings =
            FileManager.default.fileExists(atPath: consumers)
            ? (try? ConsumerStore.readings(inDirectory: consumers)) ?? [] : []
        names = readings.compactMap { reading in
            guard case .accounts = reading.content, !present.contains(reading.consumer) else { return nil }
            return reading.consumer
        }
        self.publishers = publishers.map { PublisherInspection($0) }
        self.logger = logger
    }

    /// Tells the publishers, each as soon as it is there.
    func forget() async {
        for name in names {
            logger.notice(
                "A master is no longer set; its cursor is kept, and nothing is retained for it.",
                metadata: ["master": "\(name)"])
            for publisher in publishers {
                do {
                    _ = try await publisher.forget(name, timeout: Self.patience)
                } catch {
                    logger.debug("A publisher could not be told.", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
