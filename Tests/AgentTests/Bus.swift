import Delivery
import Diagnosis
import Logging
import ServiceLifecycle
import Synchronization
import TestSupport
import ZMQBridge

@testable import Agent

/// A publisher that runs, and what joins it to masters.
struct Bus: Sendable {
    let scratch: ScratchFolder
    let publisher: MetricPublisher
    let log = LogCapture()

    /// Runs a publisher in a new folder for as long as the body takes.
    static func with(_ body: (Bus) async throws -> Void) async throws {
        let scratch = ScratchFolder()
        let bus = Bus(
            scratch: scratch,
            publisher: try await MetricPublisher.open(in: StateDirectory(path: scratch.path + "/state")))
        try await withThrowingTaskGroup { group in
            group.addTask { try await bus.publisher.run() }
            try await body(bus)
            group.cancelAll()
        }
    }

    func publish(_ contents: String...) throws {
        try publisher.publish(
            contents.map { WorkerTrainingMetric(dataType: .generic, dataContent: $0, node: NodeIdentity()) })
    }

    /// A link to a master that keeps its cursor under a name.
    ///
    /// - Parameter endpoint: `nil`: this bus's publisher.
    func link(
        to master: FakeMaster, as name: String = "m", endpoint: BusEndpoint? = nil, heartbeat: Heartbeat? = nil
    ) throws -> MasterLink {
        var policy = DeliveryPolicy()
        policy.batchTime = .zero
        policy.backoff.min = .milliseconds(1)
        policy.backoff.max = .milliseconds(2)
        let store = try ConsumerStore(directory: scratch.file("consumers"), consumer: name, logger: log.logger)
        let endpoint = endpoint ?? BusEndpoint(publisher.directory)
        return MasterLink(
            source: try MetricSubscriber(
                configuration: SubscriberConfiguration(endpoints: [endpoint], consumer: name), logger: log.logger),
            reporter: MasterReporter(store: store, client: master, policy: policy, logger: log.logger),
            presence: heartbeat, logger: log.logger)
    }

    func bridge(_ links: [MasterLink], deadline: Duration = .seconds(50)) -> BridgeAgent {
        BridgeAgent(
            links: links,
            removed: RemovedMasters(
                consumers: scratch.file("consumers"), present: links.map(\.reporter.consumer),
                publishers: [publisher.directory], logger: log.logger),
            shutdownDeadline: deadline, requestBeat: { [publisher] in publisher.beat() }, logger: log.logger)
    }

    /// Runs a bridge while the body does, and then stops it.
    func run(_ bridge: BridgeAgent, while body: (ServiceGroup) async throws -> Void) async throws {
        let services = ServiceGroup(services: [bridge], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup { group in
            group.addTask { try await services.run() }
            try await body(services)
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        }
    }
}

extension MasterLink {
    /// Whether it has heard of the publisher: what is published from now on belongs to what the stop has to deliver.
    var isConnected: Bool {
        (source as? MetricSubscriber)?.status.connections.allSatisfy { $0.publisher != nil } ?? false
    }
}

/// A master whose answers a test gives.
final class FakeMaster: EnvelopeReporter {
    private let accepted = Mutex<[String]>([])
    private let closed = Atomic(false)
    private let answer: @Sendable (String) async -> ReportError?

    /// - Parameter answer: what becomes of a content; `nil` accepts it.
    init(answer: @escaping @Sendable (String) async -> ReportError? = { _ in nil }) {
        self.answer = answer
    }

    /// A master that answers no call before the task is cancelled.
    static func hanging(onCall: @escaping @Sendable () -> Void = {}) -> FakeMaster {
        FakeMaster { _ in
            onCall()
            try? await Task.sleep(for: .seconds(3600))
            return ReportError(code: .unavailable, message: "away")
        }
    }

    var contents: [String] { accepted.withLock { $0 } }
    var isClosed: Bool { closed.load(ordering: .relaxed) }

    func report(_ batch: EnvelopeBatch) async -> ReportOutcome {
        for (index, entry) in batch.entries.enumerated() {
            let content = (try? MetricBody(checking: batch.body(of: entry)))?.content ?? "no metric"
            if let error = await answer(content) {
                return ReportOutcome(accepted: index, failure: .init(count: 1, error: error))
            }
            accepted.withLock { $0.append(content) }
        }
        return ReportOutcome(accepted: batch.count)
    }

    func close() async {
        closed.store(true, ordering: .relaxed)
    }
}
