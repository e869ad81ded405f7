public import Diagnosis
internal import Journal
public import Logging
internal import Synchronization
package import SystemSupport

/// Publishes metrics on the bus of a state directory: writes them to a journal, then sends them to whoever subscribes.
///
/// It is a `MasterClient`, so that collectors report to it as they would to a master: to report is to publish. Publishing never waits
/// for a consumer: one that doesn't keep up notices from the sequences that it missed envelopes, and has them replayed. While the journal
/// can't be written (a full disk), metrics with a position are refused, since their source keeps them; others are published all the
/// same, flagged `volatile`. May be called from any thread.
public final class MetricPublisher: MasterClient, UrgentReporter {
    /// Stays the same as long as the state directory lives.
    public let id: PublisherID
    /// The number of this run, higher than that of every earlier run.
    public let epoch: UInt64
    /// Belongs to this publisher alone while it lives.
    public let directory: StateDirectory

    let state: PublisherState
    let connectionLog: ConnectionLog
    private let lock: PublisherLock
    /// Where subscribers in this process connect.
    let localBus: LocalBus
    private let context: ZMQContext
    /// `nil`: nothing is published over the network.
    let network: NetworkBus?
    private let networkReadiness: Int32?
    let configuration: PublisherConfiguration
    private let logger: Logger
    let bus: Mutex<PublisherBus>
    private let beats = WorkingPart("the publisher's beats")
    private let upkeep = WorkingPart("the publisher's upkeep of journal and ledger")
    let maintenance: PublisherMaintenance
    private let journalFolder: FileNumber?
    private let readiness: Int32
    /// Begins an incident for whoever asks over the replay socket, and gives its id; `nil`: nobody records any here.
    let incidentRequest = Mutex<(@Sendable (_ reason: String) -> String)?>(nil)
    /// Reads this process's settings again for whoever asks over the replay socket; `nil`: nobody does.
    let reloading = Mutex<(any SettingsReloading)?>(nil)
    let lastTopic = Mutex<CheckedTopic?>(nil)
    /// Made with the first request that waits for a sync.
    let groups = Mutex<GroupCommit?>(nil)

    /// Takes the state directory, which is made if need be, opens the journal there, and binds the publishing socket.
    ///
    /// - Throws: `StateDirectoryError` if the directory can't be used, or another publisher holds it for longer than
    ///   `configuration.lockPatience`; `ZMQError` if a socket can't be bound. Other errors say in their description which file or call
    ///   failed and why: of the journal, also that a newer version wrote it.
    public static func open(
        in directory: StateDirectory,
        configuration: PublisherConfiguration = PublisherConfiguration(),
        logger: Logger = Logger(label: "arobust.publisher")
    ) async throws -> MetricPublisher {
        if !GuardedListener.isInForce {
            logger.warning(
                "Another library has replaced recv, accept4 or close (LD_PRELOAD?): the limits of the bus's sockets are not in force."
            )
        }
        try directory.prepare()
        let lock = try await PublisherLock.acquire(in: directory, patience: configuration.lockPatience)
        return try MetricPublisher(directory: directory, lock: lock, configuration: configuration, logger: logger)
    }

    private init(
        directory: StateDirectory, lock: PublisherLock, configuration: PublisherConfiguration, logger: Logger
    ) throws {
        let opening = try PublisherOpening(directory: directory, configuration: configuration, logger: logger)
        state = opening.state
        id = state.id
        epoch = state.epoch
        maintenance = PublisherMaintenance(
            of: state, file: opening.ledgerFile, mark: VolatileMark(path: directory.volatileFile), logger: logger)
        maintenance.saveLedger()
        journalFolder = FileNumber(path: directory.journalDirectory, followsLinks: true)
        self.directory = directory
        self.lock = lock
        self.configuration = configuration
        consumerPlaces = Mutex(configuration.places)
        self.logger = logger
        connectionLog = ConnectionLog(logger: logger)
        context = try ZMQContext(holding: lock, sockets: ZMQContext.mostSockets)
        localBus = LocalBus(
            context: context, replayContext: try ZMQContext(holding: context, sockets: ZMQContext.mostSockets))

        network = try configuration.network.map { try NetworkBus($0, logger: logger) }
        var networkPublisher: NetworkPublisher?
        if let network {
            networkPublisher = try NetworkPublisher(network, configuration: configuration, log: connectionLog)
        }
        networkReadiness = try networkPublisher?.socket.readinessDescriptor()

        let socket = try ZMQSocket(.xpub, in: context)
        try socket.setUpPublishing(configuration)
        try directory.removeStaleSocket(at: directory.publishSocket)
        let listener = try GuardedListener(at: directory.publishSocket, limits: .publishing)
        try socket.bind(listener)
        try directory.openSocket(at: directory.publishSocket)
        connectionLog.watch(listener)
        try socket.bind(within: LocalBus.live)
        readiness = try socket.readinessDescriptor()
        bus = Mutex(
            PublisherBus(
                socket: socket, network: networkPublisher, publisher: id, epoch: epoch, journal: state.journal,
                newest: state.newest))
    }

    /// Publishes metrics in their order: all of them, or none if one is refused. Blocks while the journal is written.
    ///
    /// - Parameter position: the position in the metrics' source that follows them; kept for `lastPosition(of:)`.
    /// - Throws: `ReportError` with the code `refused` for a data type or node type that is not 1 to 64 of `A-Z a-z 0-9 _ . -`, and
    ///   `storage` if there is a position and the journal can't be written.
    public func publish(_ metrics: [WorkerTrainingMetric], position: SourcePosition? = nil) throws(ReportError) {
        guard !metrics.isEmpty || position != nil else { return }
        let failure = commit([
            PublishRequest(
                metrics: try encoded(metrics, position), position: position)
        ]).failures[0]
        if let failure { throw failure }
    }

    /// Publishes the metrics of several requests as one group; each is published or refused for itself.
    ///
    /// - Returns: why each was refused, and whether the journal could not be written.
    func publish(_ requests: [[GivenMetric]]) -> (failures: [ReportError?], isVolatile: Bool) {
        var failures: [ReportError?] = []
        var encoded: [(index: Int, request: PublishRequest)] = []
        for metrics in requests {
            do throws(ReportError) {
                encoded.append(
                    (
                        failures.count,
                        PublishRequest(
                            metrics: try self.encoded(metrics), position: nil)
                    ))
                failures.append(nil)
            } catch {
                failures.append(error)
            }
        }
        let outcome = commit(encoded.map(\.request))
        for (failure, (index, _)) in zip(outcome.failures, encoded) { failures[index] = failure }
        return (failures, outcome.journalError != nil)
    }

    /// As `publish(_:position:)`. With `powerLoss` it waits for the disk without blocking the caller's thread.
    public func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws {
        guard configuration.journal.durability == .powerLoss else {
            return try publish(metrics, position: position)
        }
        try await groupCommit.publish(
            PublishRequest(
                metrics: try encoded(metrics, position), position: position))
    }

    /// As `reportDiagnosisAgentMetrics`, and syncs the journal at once, whatever its durability.
    package func reportUrgently(_ metrics: [WorkerTrainingMetric]) async throws {
        try await reportDiagnosisAgentMetrics(metrics, position: nil)
        guard configuration.journal.durability != .powerLoss else { return }
        await groupCommit.wait { [state, logger] in
            do {
                try state.journal.sync()
            } catch {
                logger.warning(
                    "An urgent metric is published, but the journal could not be synced.",
                    metadata: ["error": "\(error)"])
            }
        }
    }

    /// Publishes a metric that another program gives as JSON (`docs/wire-format.md`, "Ingest"), and returns when it is in the journal.
    ///
    /// - Parameter node: fills in what the metric leaves out of its node.
    /// - Throws: `ReportError` with the code `refused` for what can't be on the bus, and `storage` while the journal can't be written: the
    ///   metric is then not published, and may be given again.
    package func publishDurably(json: [UInt8], node: NodeIdentity) async throws(ReportError) {
        let metric = try IngestRequest.metric(json[...], node: node)
        // On the commit queue with any durability: the call may come from any task, and a write that a slow disk holds up must not
        // block a cooperative thread.
        try await groupCommit.publish(
            PublishRequest(
                metrics: try encoded([metric]), position: nil, needsJournal: true))
    }

    /// The position that was published last under the key, in this run or an earlier one.
    public func lastPosition(of key: String) async -> SourcePosition? {
        state.journal.lastPosition(of: key).map { SourcePosition(key: key, bytes: $0) }
    }

    /// Sends a beat now. A consumer that has it has had everything published before, or knows what it missed.
    package func beat() {
        bus.withLock { $0.beat() }
    }

    /// Takes what of its configuration may change while it runs: how much the journal keeps, which masters this process reports to, and how
    /// many consumers may have a cursor. Those that have one keep it.
    package func change(to configuration: PublisherConfiguration) {
        state.journal.change(to: JournalLimits(configuration.journal))
        consumerPlaces.withLock { $0 = configuration.places }
        if let path = configuration.network?.authorizedKeys { network?.change(authorizedKeys: path) }
    }

    /// What must go on for the publisher to work, once it runs.
    package var workingParts: [WorkingPart] { [beats, upkeep] }

    /// Records in the ledger what the journal has lost since it was last asked.
    func recordLosses() {
        maintenance.recordLosses(state.journal.takeLosses())
    }

    /// How many named consumers may have an account, and who always may.
    var places: ConsumerPlaces { consumerPlaces.withLock { $0 } }
    private let consumerPlaces: Mutex<ConsumerPlaces>

    /// The newest position of each lane.
    var newest: [DiagnosisDataType: LanePosition] {
        bus.withLock { $0.newest }
    }

    /// Sends beats, greets consumers, replays what they ask for, and maintains journal and ledger, until the task is cancelled. To be called
    /// once; without it consumers get no answer.
    public func run() async throws {
        let replay = try ReplayServer(publisher: self, context: localBus.replayContext, logger: logger)
        let bytesPerSecond = configuration.replayBytesPerSecond
        let network = try self.network.map {
            (bus: $0, replay: try ReplayServer(publisher: self, network: $0, logger: logger))
        }
        try await withThrowingTaskGroup { group in
            if let network {
                group.addTask { try await self.runThread("arobust-zap") { try network.bus.serveAdmission(until: $0) } }
                group.addTask { try await network.replay.run(bytesPerSecond: bytesPerSecond) }
            }
            group.addTask { try await replay.run(bytesPerSecond: bytesPerSecond) }
            group.addTask { try await self.runThread("arobust-pub") { try self.serveSocket($0) } }
            group.addTask { try await self.runThread("arobust-keep") { try self.runMaintenance($0) } }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Runs work on a new thread, with a descriptor that becomes readable when it should end.
    private func runThread(_ name: String, _ work: @escaping @Sendable (Int32) throws -> Void) async throws {
        let stop = try Wakeup()
        try await PinnedThread.run(name: name, onCancel: { stop.signal() }) { try work(stop.descriptor) }
    }

    /// Sends beats and greets consumers.
    private func serveSocket(_ stopDescriptor: Int32) throws {
        var poller = Poller()
        _ = poller.add(descriptor: readiness)
        if let networkReadiness { _ = poller.add(descriptor: networkReadiness) }
        let stop = poller.add(descriptor: stopDescriptor)
        var nextBeat = ContinuousClock.now
        while !poller.isReady(stop) {
            if ContinuousClock.now >= nextBeat {
                bus.withLock { $0.beat() }
                beats.turn()
                nextBeat = .now + configuration.beatInterval
            } else {
                bus.withLock { $0.greetConsumers() }
            }
            try poller.wait(until: nextBeat)
        }
        bus.withLock { $0.beat() }
    }

    private func runMaintenance(_ stopDescriptor: Int32) throws {
        var poller = Poller()
        let stop = poller.add(descriptor: stopDescriptor)
        while !poller.isReady(stop) {
            upkeep.turn()
            try poller.wait(milliseconds: 1000)
            // What is at the path now is none of ours.
            guard lock.isStillInPlace else { throw StateDirectoryError.moved(path: directory.path) }
            guard journalFolder?.isStill(at: directory.journalDirectory, followsLinks: true) ?? true else {
                throw StateDirectoryError.moved(path: directory.journalDirectory)
            }
            state.recordNewest(newest)
            maintenance.runRound()
            maintenance.checkSockets(lost: connectionLog.lostPaths)
            connectionLog.logNews()
            network?.lookAtKeys()
        }
        guard lock.isStillInPlace else { return }
        state.recordNewest(newest)
        maintenance.endRun()
    }

    /// A server that lets other programs publish through this publisher.
    package func makeIngestServer(node: NodeIdentity, logger: Logger = Logger(label: "arobust.ingest")) throws
        -> IngestServer
    {
        try IngestServer(
            publisher: self, node: node, context: try ZMQContext(holding: context), logger: logger)
    }
}
