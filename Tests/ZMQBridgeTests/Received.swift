import Diagnosis
import Synchronization
import SystemSupport
@testable import ZMQBridge

/// What a subscriber in a test has handed over.
final class Received: EnvelopeReceiver {
    struct Envelope: Hashable {
        var lane: Lane
        var epoch: UInt64
        var sequence: UInt64
        var content: String
        var origin: MetricOrigin?
        var isShed = false
    }

    private struct State {
        var envelopes: [Envelope] = []
        var gaps: [StreamGap] = []
        var starts: [Lane: LanePosition] = [:]
        var room = Int.max
        var stop: Int?
        var waiting: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())
    private let start: @Sendable (Lane) -> StreamStart?

    init(start: @escaping @Sendable (Lane) -> StreamStart? = { _ in .now }) {
        self.start = start
    }

    var all: [Envelope] { state.withLock { $0.envelopes } }
    var gaps: [StreamGap] { state.withLock { $0.gaps } }
    var starts: [Lane: LanePosition] { state.withLock { $0.starts } }
    var contents: [String] { all.map(\.content) }

    /// How much is taken of each lane.
    var room: Int {
        get { state.withLock { $0.room } }
        set { state.withLock { $0.room = newValue } }
    }

    /// Called once, on the subscriber's thread, when the next items come.
    func whenNext(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.waiting = body }
    }

    /// Ends the subscriber after so many envelopes.
    func stop(after count: Int) {
        state.withLock { $0.stop = count }
    }

    func start(of lane: Lane) -> StreamStart? { start(lane) }

    func room(in lane: Lane) -> Int { room }

    func receive(_ items: [StreamItem]) -> Bool {
        let waiting = state.withLock { state in
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?()
        return state.withLock { state in
            for item in items {
                switch item {
                case .start(let lane, let after): state.starts[lane] = after
                case .gap(let gap): state.gaps.append(gap)
                case .batch(let batch):
                    for entry in batch.entries {
                        state.envelopes.append(
                            Envelope(
                                lane: batch.lane, epoch: batch.epoch, sequence: entry.sequence,
                                content: (try? MetricBody(checking: batch.body(of: entry)).content) ?? "?",
                                origin: batch.origin(of: entry), isShed: entry.isShed))
                    }
                }
            }
            return state.stop.map { state.envelopes.count < $0 } ?? true
        }
    }
}

/// Runs a subscriber beside `body`, from when it is connected to all its publishers until `body` ends.
func withSubscriber(
    _ endpoints: [BusEndpoint], types: Set<DiagnosisDataType> = [], consumer: String? = nil,
    waitForPublishers: Bool = true, received: Received = Received(),
    _ body: (MetricSubscriber, Received) async throws -> Void
) async throws {
    let subscriber = try MetricSubscriber(
        configuration: SubscriberConfiguration(endpoints: endpoints, dataTypes: types, consumer: consumer))
    let reading = Task { try await subscriber.run(received) }
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
            status.connections.contains { $0.publisher == publisher.id && $0.deliveredThrough >= now }
        }
    }
}
