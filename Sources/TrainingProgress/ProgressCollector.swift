package import Diagnosis
package import Logging
package import SystemSupport

/// Publishes what changes in the trainings of this node, each change as a small `GENERIC` metric: it runs, stands still, is slow, has started
/// again, has ended.
///
/// While there is no training it costs nothing: lines wake it. Then it looks now and then, and when a training would be silent.
package actor ProgressCollector: WakingCollector {
    package nonisolated let name = "progress"
    /// How often the self-metrics of trainings are set anew.
    static let refresh: Duration = .seconds(5)
    private static let never: Duration = .seconds(3600)
    /// More are not kept while the client takes none.
    private static let mostUnsent = 256

    package nonisolated let wakeSignal: WakeSignal
    private let executor = BlockingExecutor(label: "arobust.progress")
    private let watched: ProgressWatch
    private let node: NodeIdentity
    private let logger: Logger
    private var client: (any MasterClient)?
    private var unsent: [WorkerTrainingMetric] = []
    private var problem = ProblemLog(interval: 60)

    package init(
        _ watched: ProgressWatch, node: NodeIdentity, logger: Logger = Logger(label: "arobust.progress")
    ) {
        self.watched = watched
        self.node = node
        self.logger = logger
        wakeSignal = watched.wakeSignal
    }

    /// The collector's own queue, where a look at a file may block.
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    package func isEnabled() async -> Bool { watched.hasTrainings }

    /// What has changed, and the same again until it is reported.
    package func collectData() async -> [WorkerTrainingMetric]? {
        unsent += watched.judgeTrainings().map { change in
            WorkerTrainingMetric(
                dataType: .generic, dataContent: ProgressText.content(of: change), node: node, timestamp: change.time)
        }
        if unsent.count > Self.mostUnsent {
            logger.warning("Changes of trainings are not published: there are too many that nobody has taken.")
            unsent.removeFirst(unsent.count - Self.mostUnsent)
        }
        return unsent.isEmpty ? nil : unsent
    }

    @discardableResult
    package func storeData(_ data: [WorkerTrainingMetric]) async -> Bool {
        guard let client else {
            logger.warning("Master client not set, changes of trainings not reported")
            return false
        }
        do {
            try await client.reportDiagnosisAgentMetrics(data, position: nil)
        } catch {
            if problem.shouldReport("\(error)") { logger.error("Failed to report changes of trainings: \(error)") }
            return false
        }
        _ = problem.solve()
        // Others may have come meanwhile.
        unsent.removeFirst(min(data.count, unsent.count))
        return true
    }

    package func setClient(_ client: any MasterClient) async {
        self.client = client
    }

    /// Nothing to wait for: the log collector's thread wakes.
    package nonisolated func watch() async {}

    package func quietTime() async -> Duration {
        guard watched.hasTrainings else { return Self.never }
        return min(Self.refresh, watched.timeToDeadline().map { $0 + .milliseconds(10) } ?? Self.refresh)
    }
}
