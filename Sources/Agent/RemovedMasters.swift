internal import Delivery
private import Foundation
internal import Logging
internal import ZMQBridge

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
