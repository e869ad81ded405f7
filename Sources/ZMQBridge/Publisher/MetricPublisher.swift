public import Diagnosis
public import Logging
private import Synchronization

/// Publishes metrics on the bus: an XPUB socket in a state directory that belongs to this publisher alone.
///
/// It is a `MasterClient`, so a collector reports to it as to a master; to report is then to publish. Publishing never waits for a
/// consumer: one that doesn't keep up misses envelopes and sees so from the sequences. May be called from any thread.
public final class MetricPublisher: MasterClient {
    public let id: PublisherID
    /// The number of this run.
    public let epoch: UInt64
    public let directory: StateDirectory

    private let context: ZMQContext
    private let configuration: PublisherConfiguration
    private let logger: Logger
    private let wakeup: Wakeup
    private let bus: Mutex<PublisherBus>
    private let positions: PositionStore
    private let readiness: Int32

    /// Takes the state directory and binds the socket there.
    ///
    /// - Throws: `StateDirectoryError` if the directory can't be used or belongs to another publisher for longer than
    ///   `configuration.lockPatience`; `SystemCallError` and `ZMQError` name the call and the path.
    public static func open(
        in directory: StateDirectory,
        configuration: PublisherConfiguration = PublisherConfiguration(),
        logger: Logger = Logger(label: "arobust.publisher")
    ) async throws -> MetricPublisher {
        try directory.prepare()
        let lock = try await PublisherLock.take(in: directory, patience: configuration.lockPatience)
        return try MetricPublisher(directory: directory, lock: lock, configuration: configuration, logger: logger)
    }

    private init(
        directory: StateDirectory, lock: PublisherLock, configuration: PublisherConfiguration, logger: Logger
    ) throws {
        let identity = try PublisherIdentity.begin(in: directory)
        guard let id = PublisherID(identity.publisher) else {
            throw StateDirectoryError.unreadable(path: directory.identityFile, reason: "no publisher id")
        }
        self.id = id
        epoch = identity.epoch
        self.directory = directory
        self.configuration = configuration
        self.logger = logger
        wakeup = try Wakeup()
        positions = try Self.openPositions(in: directory, logger: logger)
        context = try ZMQContext(holding: lock)

        let socket = try ZMQSocket(.xpub, in: context)
        try socket.setUpPublishing(configuration)
        try directory.removeStaleSocket(at: directory.publishSocket)
        try socket.bind("ipc://" + directory.publishSocket)
        try directory.openSocket(at: directory.publishSocket)
        readiness = try socket.readinessDescriptor()
        bus = Mutex(PublisherBus(socket: socket, publisher: id, epoch: epoch))
    }

    private static func openPositions(in directory: StateDirectory, logger: Logger) throws -> PositionStore {
        do {
            return try PositionStore(path: directory.positionsFile)
        } catch let error as StateDirectoryError {
            logger.error(
                "The positions of log files are lost: their file is set aside, and logs are read as if for the first time.",
                metadata: ["error": "\(error)"])
            return try PositionStore(path: directory.positionsFile)
        }
    }

    /// Publishes metrics in their order: all of them, or none if one of them can't be on the bus.
    ///
    /// - Parameter position: kept for `lastPosition(of:)` once the metrics are out.
    /// - Throws: `ReportError` with the code `refused` for a data type or node type that no topic can have.
    public func publish(_ metrics: [WorkerTrainingMetric], position: SourcePosition? = nil) throws(ReportError) {
        let encoded = try EncodedMetrics(metrics)
        try bus.withLock { bus throws(ReportError) in try bus.publish(encoded) }
        if let position { positions.store(position) }
    }

    public func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws {
        try publish(metrics, position: position)
    }

    public func lastPosition(of key: String) async -> SourcePosition? {
        positions.last(of: key)
    }

    /// Sends a beat now: after it has arrived, a consumer knows that it has had everything published before.
    public func beat() {
        bus.withLock { $0.beat() }
    }

    /// Sends beats, greets consumers and keeps positions until the task is cancelled.
    public func run() async throws {
        let wakeup = self.wakeup
        try await PinnedThread.run(name: "arobust-pub", onCancel: { wakeup.signal() }) { try self.tend() }
    }

    private func tend() throws {
        var couldSave = true
        var poller = Poller()
        _ = poller.add(descriptor: readiness)
        let stop = poller.add(descriptor: wakeup.descriptor)
        var nextBeat = ContinuousClock.now
        while !poller.isReady(stop) {
            if ContinuousClock.now >= nextBeat {
                bus.withLock { $0.beat() }
                nextBeat = .now + configuration.beatInterval
                couldSave = savePositions(couldSave: couldSave)
            } else {
                bus.withLock { $0.greetConsumers() }
            }
            try poller.wait(milliseconds: max(1, Int((nextBeat - .now) / .milliseconds(1))))
        }
        bus.withLock { $0.beat() }
        _ = savePositions(couldSave: couldSave)
    }

    /// Saves, and says when that begins and ceases to fail.
    private func savePositions(couldSave: Bool) -> Bool {
        do {
            try positions.save()
            if !couldSave { logger.notice("Positions of log files are saved again.") }
            return true
        } catch {
            if couldSave {
                logger.error(
                    "Positions of log files cannot be saved; after a crash lines may be sent twice.",
                    metadata: ["error": "\(error)"])
            }
            return false
        }
    }

    /// A server that lets other programs publish through this publisher.
    public func makeIngestServer(node: NodeIdentity, logger: Logger = Logger(label: "arobust.ingest")) throws
        -> IngestServer
    {
        try IngestServer(publisher: self, node: node, context: context, logger: logger)
    }
}
