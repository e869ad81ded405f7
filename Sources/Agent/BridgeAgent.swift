internal import Delivery
internal import Diagnosis
internal import Logging
internal import ServiceLifecycle
internal import SystemSupport
internal import ZMQBridge

/// The bridge: a link for each master, none of which waits for another.
///
/// Until it is stopped all links are `running`; then all of them go through `draining` and `closing`, each at its own pace, and the bridge
/// ends with the last. A link that fails stops the others in the same way.
final class BridgeAgent: Service {
    private let links: [MasterLink]
    private let removed: RemovedMasters
    private let shutdownDeadline: Duration
    private let requestBeat: (@Sendable () -> Void)?
    private let logger: Logger
    private let stopping: AsyncStream<Void>
    private let stopRequest: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - shutdownDeadline: how long a link's end may take.
    ///   - requestBeat: makes the publisher in this process beat now, so that the end of its stream is known at once.
    init(
        links: [MasterLink], removed: RemovedMasters, shutdownDeadline: Duration,
        requestBeat: (@Sendable () -> Void)?, logger: Logger
    ) {
        self.links = links
        self.removed = removed
        self.shutdownDeadline = shutdownDeadline
        self.requestBeat = requestBeat
        self.logger = logger
        (stopping, stopRequest) = AsyncStream.makeStream()
    }

    /// How far each link is.
    var phases: [MasterLink.Phase] { links.map(\.phase) }

    func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            // The one task that is not part of a group, awaited on the spot: when another service fails this one is cancelled, and what
            // is held must still be delivered, until the deadline. Nothing inside of it is ever cancelled from outside.
            try await Task { try await self.runLinks() }.value
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
        summarize()
    }

    /// Lets `run` begin to end. From any thread.
    func stop() {
        for link in links { link.stop() }
        stopRequest.finish()
    }

    /// Runs all links until the bridge is stopped and they have ended.
    ///
    /// - Throws: what the first link that failed threw, after the others have ended in order.
    private func runLinks() async throws {
        // Cancelled when the links have ended.
        async let _ = removed.forget()
        try await withThrowingTaskGroup { group in
            for link in links {
                group.addTask { [shutdownDeadline, requestBeat] in
                    try await link.run(deadline: shutdownDeadline, requestBeat: requestBeat) { self.stop() }
                }
            }
            // Links end only after a stop. Without a master there is only this to wait for.
            for await _ in stopping {}
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

extension BridgeAgent: WorkingService {
    /// All links read with one thread.
    var workingParts: [WorkingPart] { links.first.map { [$0.subscriber.workingPart] } ?? [] }

    func workSummary() async -> String? {
        guard !links.isEmpty else { return nil }
        let states = links.compactMap { link in
            link.reporter.accounts.values.first.map { (link.reporter.consumer, $0.state) }
        }
        guard !states.isEmpty else { return "waits for a publisher" }
        let masters = links.count == 1 ? "1 master" : "\(links.count) masters"
        let troubled = states.compactMap { name, state -> String? in
            if let reason = state[ConsumerStateKey.stopped.rawValue] { return "\(name): \(reason)" }
            guard state[ConsumerStateKey.breaker.rawValue] != "closed" else { return nil }
            return state[ConsumerStateKey.lastError.rawValue] ?? name
        }
        guard let first = troubled.first else { return "reports to \(masters)" }
        return "reports to \(masters), of which \(troubled.count) can't be reported to now (\(first))"
    }
}

/// Masters that were reported to once and are no longer in the settings: their publishers need not retain anything for them. Their cursors
/// stay, in case they come back.
struct RemovedMasters {
    /// How long to wait for a publisher that does not run yet.
    private static let patience: Duration = .seconds(60)

    private let names: [String]
    private let publishers: [PublisherInspection]
    private let logger: Logger

    /// - Parameters:
    ///   - consumers: the folder of the cursors; it need not be there.
    ///   - present: the names of the masters that are set.
    init(consumers: String, present: [String], publishers: [StateDirectory], logger: Logger) {
        let readings = (try? ConsumerStore.readings(inDirectory: consumers)) ?? []
        names = readings.compactMap { reading in
            guard case .accounts = reading.content, !present.contains(reading.consumer) else { return nil }
            return reading.consumer
        }
        self.publishers = publishers.map { PublisherInspection($0) }
        self.logger = logger
    }

    /// Has each publisher forget them, as soon as it answers. Ends early when the task is cancelled.
    func forget() async {
        for name in names {
            logger.notice(
                "A master is no longer in the settings; its cursor is kept, but the journal retains nothing for it.",
                metadata: ["master": "\(name)"])
            for publisher in publishers {
                do {
                    _ = try await publisher.forget(name, timeout: Self.patience)
                } catch {
                    logger.debug(
                        "A publisher could not be told that a master is no longer in the settings.",
                        metadata: ["error": "\(error)"]
                    )
                }
            }
        }
    }
}
