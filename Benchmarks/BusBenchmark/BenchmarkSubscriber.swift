internal import Diagnosis
private import Logging
private import Synchronization
internal import ZMQBridge

/// Receives, counts, and acknowledges.
struct BenchmarkSubscriber {
    /// So many envelopes are acknowledged at once.
    private static let acknowledged = 256

    private struct State {
        var received = 0
        var acknowledged = 0
    }

    let directory: String
    let count: Int

    func run() async throws {
        let configuration = SubscriberConfiguration(
            endpoints: [BusEndpoint(try StateDirectory(path: directory))], dataTypes: [.trainingLog])
        let subscriber = try MetricSubscriber(
            configuration: configuration, logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() })
        let count = self.count
        let state = Mutex(State())
        let reading = Task {
            try await subscriber.run { delivery in
                guard delivery.gaps.isEmpty else { fail("envelopes are missing") }
                let total = state.withLock { state in
                    state.received += delivery.envelopeCount
                    let isDue = state.received - state.acknowledged >= Self.acknowledged || state.received >= count
                    if isDue { state.acknowledged = state.received }
                    return isDue ? state.received : nil
                }
                guard let total else { return true }
                Acknowledgement.send(total)
                return total < count
            }
        }
        await subscriber.wait { $0.connections.allSatisfy { $0.publisher != nil } }
        let start = ProcessCost.now
        Acknowledgement.send(0)
        try await reading.value
        say(ProcessCost.now.json(since: start))
    }
}
