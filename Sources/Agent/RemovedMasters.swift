internal import Delivery
internal import Diagnosis
internal import Logging
private import Synchronization
internal import ZMQBridge

/// Masters that were reported to once and are no longer in the settings: their publishers need not retain anything for them. Their cursors
/// stay, in case they come back.
final class RemovedMasters: Sendable {
    /// How long to wait for a publisher that does not run yet.
    private static let patience: Duration = .seconds(60)
    /// How long for one that should run.
    private static let shortPatience: Duration = .seconds(3)
    /// A master's last word about its cursor may come after the wish to forget it.
    private static let mostTries = 5

    private let names: [String]
    private let publishers: [PublisherInspection]
    private let logger: Logger
    /// The names of the masters that are set now.
    private let present: Mutex<Set<String>>

    /// - Parameters:
    ///   - consumers: the folder of the cursors; it need not be there.
    ///   - present: the names of the masters that are set.
    init(consumers: String, present: [String], publishers: [StateDirectory], logger: Logger) {
        let readings = (try? ConsumerStore.readings(inDirectory: consumers)) ?? []
        names = readings.compactMap { reading in
            guard case .accounts = reading.content, !present.contains(reading.consumer) else { return nil }
            return reading.consumer
        }
        self.present = Mutex(Set(present))
        self.publishers = publishers.map { PublisherInspection($0) }
        self.logger = logger
    }

    /// Other masters are set from now on.
    func change(present names: some Sequence<String>) {
        present.withLock { $0 = Set(names) }
    }

    /// Has each publisher forget those that were removed before the start, as soon as it answers. Ends early when the task is cancelled.
    func forget() async {
        for name in names where !isPresent(name) {
            logger.notice(
                "A master is no longer in the settings; its cursor is kept, but the journal retains nothing for it.",
                metadata: ["master": "\(name)"])
            for publisher in publishers where !isPresent(name) {
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

    /// Has each publisher forget a master whose link has just ended.
    ///
    /// - Returns: how many envelopes were waiting for it; `nil` where no publisher can say.
    func forget(_ name: String) async -> UInt64? {
        var waiting: UInt64?
        for publisher in publishers {
            var isFirst = true
            for _ in 0..<Self.mostTries where !isPresent(name) && !Task.isCancelled {
                guard let status = try? await publisher.ask(timeout: Self.shortPatience),
                    let consumer = status.consumers.first(where: { $0.account.consumer == name })
                else { break }
                if isFirst { waiting = (waiting ?? 0) &+ consumer.lanes.reduce(0) { $0 &+ $1.pending } }
                isFirst = false
                _ = try? await publisher.forget(name, timeout: Self.shortPatience)
            }
        }
        return waiting
    }

    private func isPresent(_ name: String) -> Bool { present.withLock { $0.contains(name) } }
}
