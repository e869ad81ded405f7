internal import Diagnosis
private import Logging
private import Synchronization
internal import ZMQBridge

/// Receives metrics, counts them, and acknowledges them.
final class BenchmarkSubscriber: EnvelopeReceiver {
    /// How many envelopes are acknowledged at once.
    private static let acknowledgedAtOnce = 256

    private struct State {
        var received = 0
        var acknowledged = 0
    }

    private let directory: String
    private let count: Int
    private let state = Mutex(State())

    init(directory: String, count: Int) {
        self.directory = directory
        self.count = count
    }

    func run() async throws {
        let configuration = SubscriberConfiguration(
            endpoints: [BusEndpoint(try StateDirectory(path: directory))], dataTypes: [.trainingLog])
        let subscriber = try MetricSubscriber(
            configuration: configuration, logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() })
        let reading = Task { try await subscriber.run(self) }
        await subscriber.wait { $0.connections.allSatisfy { $0.publisher != nil } }
        let start = ProcessCost.now
        Acknowledgement.send(0)
        try await reading.value
        let cost = ProcessCost.now.json(since: start)
        say(cost.dropLast() + #", "replayed": \#(subscriber.status.replayed)}"#)
    }

    func start(of lane: Lane) -> StreamStart? { .now }

    func room(in lane: Lane) -> Int { .max }

    func receive(_ items: [StreamItem]) -> Bool {
        var envelopes = 0
        for item in items {
            switch item {
            case .batch(let batch): envelopes += batch.count
            case .gap: fail("envelopes are missing")
            case .start: break
            }
        }
        let total = state.withLock { state in
            state.received += envelopes
            let isDue = state.received - state.acknowledged >= Self.acknowledgedAtOnce || state.received >= count
            if isDue { state.acknowledged = state.received }
            return isDue ? state.received : nil
        }
        guard let total else { return true }
        Acknowledgement.send(total)
        return total < count
    }
}
