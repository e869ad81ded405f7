import Diagnosis
import Synchronization
import ZMQBridge

/// What a subscriber in a test has handed over.
final class Received: Sendable {
    struct Envelope: Hashable {
        var lane: Lane
        var epoch: UInt64
        var sequence: UInt64
        var content: String
    }

    private let envelopes = Mutex<[Envelope]>([])
    private let missing = Mutex<[SequenceGap]>([])

    var all: [Envelope] { envelopes.withLock { $0 } }
    var gaps: [SequenceGap] { missing.withLock { $0 } }
    var contents: [String] { all.map(\.content) }

    func take(_ delivery: SubscriberDelivery) {
        let new = delivery.batches.flatMap { batch in
            batch.entries.map { entry in
                Envelope(
                    lane: batch.lane, epoch: batch.epoch, sequence: entry.sequence,
                    content: (try? MetricBody(checking: batch.body(of: entry)).content) ?? "?")
            }
        }
        envelopes.withLock { $0 += new }
        missing.withLock { $0 += delivery.gaps }
    }
}

/// Runs a subscriber beside `body`, from when it is connected to all its publishers until `body` ends.
func withSubscriber(
    _ endpoints: [BusEndpoint], types: Set<DiagnosisDataType> = [], waitForPublishers: Bool = true,
    _ body: (MetricSubscriber, Received) async throws -> Void
) async throws {
    let subscriber = try MetricSubscriber(
        configuration: SubscriberConfiguration(endpoints: endpoints, dataTypes: types))
    let received = Received()
    let reading = Task {
        try await subscriber.run { delivery in
            received.take(delivery)
            return true
        }
    }
    if waitForPublishers {
        await subscriber.wait { $0.connections.allSatisfy { $0.publisher != nil } }
    }
    do {
        try await body(subscriber, received)
    } catch {
        reading.cancel()
        _ = await reading.result
        throw error
    }
    reading.cancel()
    try await reading.value
}

/// Runs the publisher's beat beside `body`.
func withBeat<Result>(of publisher: MetricPublisher, _ body: () async throws -> Result) async throws -> Result {
    let beating = Task { try await publisher.run() }
    do {
        let result = try await body()
        beating.cancel()
        try await beating.value
        return result
    } catch {
        beating.cancel()
        _ = await beating.result
        throw error
    }
}

extension MetricSubscriber {
    /// Waits until everything that `publisher` has published so far is delivered or counted as missing.
    func catchUp(with publisher: MetricPublisher) async {
        let now = WallClock.nanoseconds()
        publisher.beat()
        await wait { status in
            status.connections.contains { $0.publisher == publisher.id && $0.lastBeat >= now }
        }
    }
}
