import Diagnosis
import Logging
import ZMQBridge

/// Reads the bus: prints every log line that is published from now on, for as long as it runs.
///
///     swift run ReadTheBus /tmp/arobust
@main
struct ReadTheBus {
    static func main() async throws {
        let directory = CommandLine.arguments.dropFirst().first ?? "/tmp/arobust"
        let configuration = SubscriberConfiguration(
            endpoints: [BusEndpoint(try StateDirectory(path: directory))], dataTypes: [.trainingLog])
        let subscriber = try MetricSubscriber(configuration: configuration, logger: Logger(label: "reader"))
        try await subscriber.run(LinePrinter())
    }
}

/// Gets what the subscriber receives: each lane in its order, and a gap where something is gone.
struct LinePrinter: EnvelopeReceiver {
    /// Begin with what is published from now on; `.oldest` begins with what the publisher's journal still has.
    func start(of lane: Lane) -> StreamStart? { .now }

    /// There is always room, as printing takes the subscriber's thread until it is done.
    func room(in lane: Lane) -> Int { .max }

    /// Returns whether to go on.
    func receive(_ items: [StreamItem]) -> Bool {
        for item in items {
            switch item {
            case .start: break
            case .gap(let gap): print("\(gap.count) metrics are gone: \(gap.reason.rawValue)")
            case .batch(let batch):
                for entry in batch.entries {
                    print(JSONValue(Array(batch.body(of: entry)))?["data_content"]?.string ?? "")
                }
            }
        }
        return true
    }
}
