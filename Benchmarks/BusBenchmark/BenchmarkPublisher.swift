internal import Diagnosis
private import Logging
internal import ZMQBridge

/// Publishes metrics as fast as the subscriber acknowledges them.
struct BenchmarkPublisher {
    private static let contentBytes = 1024

    let directory: String
    let count: Int
    /// How many metrics are published at once.
    let batch: Int

    func run() async throws {
        var configuration = PublisherConfiguration()
        configuration.highWaterMark = 4096
        let publisher = try await MetricPublisher.open(
            in: try StateDirectory(path: directory), configuration: configuration,
            logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { try await publisher.run() }
        let contents = (0..<64).map(Self.content)
        // libzmq learns what the other side has read in steps of half the mark, so with a whole mark in flight it would drop messages.
        let window = Int(configuration.highWaterMark) / 2

        var acknowledged = Acknowledgement.receive()
        let start = ProcessCost.now
        let begin = ContinuousClock.now
        var sent = 0
        while sent < count {
            let next = min(batch, count - sent)
            while sent + next - acknowledged > window { acknowledged = Acknowledgement.receive() }
            let metrics = (sent..<sent + next).map {
                WorkerTrainingMetric(
                    dataType: .trainingLog, dataContent: contents[$0 % contents.count], node: NodeIdentity())
            }
            try publisher.publish(metrics)
            sent += next
        }
        while acknowledged < count { acknowledged = Acknowledgement.receive() }
        let seconds = begin.duration(to: .now) / .seconds(1)
        let cost = ProcessCost.now.json(since: start)
        running.cancel()
        try await running.value
        let metric = WorkerTrainingMetric(dataType: .trainingLog, dataContent: contents[0], node: NodeIdentity())
        print(
            #"{"seconds": \#(seconds), "body_bytes": \#(MetricJSON.encode(metric).count), "publisher": \#(cost)}"#)
    }

    /// Eight log lines, 1 KiB in total: seven newlines have to be escaped.
    private static func content(_ number: Int) -> String {
        let lines = (0..<8).map { line in
            let text =
                "2026-11-23 18:00:00,123 INFO [rank \(number)] step \(number * 8 + line) loss 0.1234 lr 3.0e-04 tokens/s 123456.7 "
            return text + String(repeating: "#", count: contentBytes / 8 - 1 - text.utf8.count)
        }
        return lines.joined(separator: "\n") + "."
    }
}
