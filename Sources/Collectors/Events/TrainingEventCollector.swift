package import CoreMetrics
package import Diagnosis
package import Logging
internal import SystemSupport

/// Follows the file in which a training writes its events with DLRover's SDK, and publishes those that a DLRover master takes, each as one
/// metric of the type `TRAINING_EVENT`: gap-free and in order, since the position in the file is part of the same journal record.
///
/// One file only: a master joins all events that it gets to one chain, so those of several ranks would break it.
package actor TrainingEventCollector: DataCollector {
    /// Events of a stretch of the file.
    package struct Events: Sendable {
        let events: [TrainingEvent]
        let chunk: LogChunk
    }

    package nonisolated let name = "events"
    package nonisolated let collectsBacklog = true

    private let executor = BlockingExecutor(label: "arobust.event-collector")
    private let node: NodeIdentity
    private let logger: Logger
    private let report: MetricReport
    private let published: Counter
    private let unreadable: Counter
    private var client: (any MasterClient)?
    private var follower: LogFollower
    /// Whether the client's position is still to be asked for.
    private var needsPosition = true
    private var unreadableLines = QuietCounter()

    /// - Parameters:
    ///   - path: the file, absolute. It need not exist yet.
    ///   - factory: makes the self-metrics.
    package init(
        path: String, node: NodeIdentity, logger: Logger = Logger(label: "arobust.event-collector"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) {
        var logger = logger
        logger[metadataKey: "path"] = "\(path)"
        self.node = node
        self.logger = logger
        report = MetricReport(content: "training events", data: "training events", logger: logger)
        published = Counter(label: "arobust_training_events_total", factory: factory)
        unreadable = Counter(label: "arobust_training_events_unreadable_total", factory: factory)
        var configuration = LogCollector.Configuration(chunkBytes: 16 * 1024)
        // A line is an event only once it is whole.
        configuration.quietTime = nil
        configuration.containers = .raw
        configuration.progress = .raw
        // Who follows the file as a log as well has a position of its own for that.
        follower = LogFollower(path: path, configuration: configuration, logger: logger, use: "events")
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    package func setClient(_ client: any MasterClient) async {
        self.client = client
        if !follower.hasConfirmed { needsPosition = true }
    }

    package func isEnabled() async -> Bool { follower.hasSource() }

    /// The next events that have not been published, and the same again until they are. `nil` when no further line is whole.
    package func collectData() async -> Events? {
        await restorePosition()
        while let chunk = follower.next() {
            var events: [TrainingEvent] = []
            for line in chunk.content.split(separator: "\n") {
                switch TrainingEventLine.read(line) {
                case .event(let event): events.append(event)
                case .other: break
                case .unreadable: unreadableLines.count(1)
                }
            }
            if !events.isEmpty { return Events(events: events, chunk: chunk) }
            // Read again after a restart, which gives as little.
            confirm(chunk)
        }
        return nil
    }

    @discardableResult
    package func storeData(_ data: Events) async -> Bool {
        let now = WallClock.seconds()
        let metrics = data.events.map { event in
            var metric = WorkerTrainingMetric(
                dataType: .trainingEvent, dataContent: event.content, node: node, timestamp: now)
            metric.origin = data.chunk.origin
            return metric
        }
        guard await report.send(metrics, position: data.chunk.position, to: client) else { return false }
        confirm(data.chunk)
        published.increment(by: metrics.count)
        return true
    }

    private func confirm(_ chunk: LogChunk) {
        follower.confirm(chunk)
        guard let count = unreadableLines.due() else { return }
        unreadable.increment(by: count)
        logger.warning(
            "Lines of the training's events can't be read; they are passed over.", metadata: ["lines": "\(count)"])
    }

    private func restorePosition() async {
        guard needsPosition, let client else { return }
        needsPosition = false
        guard let stored = await client.lastPosition(of: follower.key) else { return }
        do {
            follower.resume(from: try LogPosition(bytes: stored.bytes))
        } catch {
            logger.warning(
                "The stored position of the training's events can't be read; they are begun anew.",
                metadata: ["error": "\(error)"])
        }
    }
}
