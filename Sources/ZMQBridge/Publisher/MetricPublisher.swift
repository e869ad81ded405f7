public import Diagnosis
public import Journal
public import Logging
private import Synchronization
internal import SystemSupport

/// Publishes metrics on the bus: into the journal, then over an XPUB socket, in a state directory that belongs to this publisher alone.
///
/// It is a `MasterClient`, so a collector reports to it as to a master; to report is then to publish. Publishing never waits for a
/// consumer: one that doesn't keep up misses envelopes, sees so from the sequences, and asks the replay socket for them. While the
/// journal can't be written (a full disk), metrics with a position are refused, since their source keeps them; others are
/// published all the same, flagged `volatile`. May be called from any thread.
public final class MetricPublisher: MasterClient {
    public let id: PublisherID
    /// The number of this run.
    public let epoch: UInt64
    public let directory: StateDirectory

    let books: PublisherBooks
    private let context: ZMQContext
    private let configuration: PublisherConfiguration
    private let logger: Logger
    private let bus: Mutex<PublisherBus>
    private let keeper: BookKeeper
    private let readiness: Int32
    /// Made with the first request that waits for a sync.
    private let groups = Mutex<GroupCommit?>(nil)

    /// Takes the state directory, opens the journal there, and binds the socket.
    ///
    /// - Throws: `StateDirectoryError` if the directory can't be used or belongs to another publisher for longer than
    ///   `configuration.lockPatience`; `JournalError` if there is no reading the journal, among them one of a newer version;
    ///   `SystemCallError` and `ZMQError` name the call and the path.
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
        let opening = try PublisherOpening(directory: directory, configuration: configuration, logger: logger)
        books = opening.books
        id = books.id
        epoch = books.epoch
        keeper = BookKeeper(books: books, file: opening.ledgerFile, logger: logger)
        keeper.save()
        self.directory = directory
        self.configuration = configuration
        self.logger = logger
        context = try ZMQContext(holding: lock)

        let socket = try ZMQSocket(.xpub, in: context)
        try socket.setUpPublishing(configuration)
        try directory.removeStaleSocket(at: directory.publishSocket)
        try socket.bind("ipc://" + directory.publishSocket)
        try directory.openSocket(at: directory.publishSocket)
        readiness = try socket.readinessDescriptor()
        bus = Mutex(
            PublisherBus(
                socket: socket, publisher: id, epoch: epoch, journal: books.journal, newest: opening.books.newest))
    }

    /// Publishes metrics in their order: all of them, or none if one of them can't be on the bus. Blocks while the journal writes.
    ///
    /// - Parameter position: journaled with the metrics, for `lastPosition(of:)`.
    /// - Throws: `ReportError` with the code `refused` for a data type or node type that no topic can have, and `storage` if there is a
    ///   position and the journal can't be written.
    public func publish(_ metrics: [WorkerTrainingMetric], position: SourcePosition? = nil) throws(ReportError) {
        guard !metrics.isEmpty || position != nil else { return }
        let failure = commit([PublishRequest(metrics: try EncodedMetrics(metrics), position: position)]).failures[0]
        if let failure { throw failure }
    }

    /// Publishes the metrics of several requests as one group; each is published or refused for itself.
    ///
    /// - Returns: why each was refused, and whether the journal could not be written.
    func publish(_ requests: [[WorkerTrainingMetric]]) -> (failures: [ReportError?], isVolatile: Bool) {
        var failures: [ReportError?] = []
        var encoded: [(index: Int, request: PublishRequest)] = []
        for metrics in requests {
            do throws(ReportError) {
                encoded.append((failures.count, PublishRequest(metrics: try EncodedMetrics(metrics), position: nil)))
                failures.append(nil)
            } catch {
                failures.append(error)
            }
        }
        let outcome = commit(encoded.map(\.request))
        for (failure, (index, _)) in zip(outcome.failures, encoded) { failures[index] = failure }
        return (failures, outcome.journalError != nil)
    }

    public func reportDiagnosisAgentMetrics(_ metrics: [WorkerTrainingMetric], position: SourcePosition?) async throws {
        guard configuration.journal.durability == .powerLoss else {
            return try publish(metrics, position: position)
        }
        try await groupCommit.publish(PublishRequest(metrics: try EncodedMetrics(metrics), position: position))
    }

    /// Publishes a metric that another program gives as JSON, as `docs/wire-format.md`, "Ingest", has it, and returns when it is in the
    /// journal.
    ///
    /// - Parameter node: fills in what the metric leaves out of its node.
    /// - Throws: `ReportError` with the code `refused` for what can't be on the bus, and `storage` while the journal can't be written: the
    ///   metric is then not published, and may be given again.
    package func publishDurably(json: [UInt8], node: NodeIdentity) async throws(ReportError) {
        let metric = try IngestRequest.metric(json[...], node: node)
        // Also where the disk is not waited for: the call may come from any task, and a write that the disk holds up must not keep a
        // cooperative thread.
        try await groupCommit.publish(
            PublishRequest(metrics: try EncodedMetrics([metric]), position: nil, needsJournal: true))
    }

    private var groupCommit: GroupCommit {
        groups.withLock { group in
            if let group { return group }
            let made = GroupCommit { [weak self] requests in
                self?.commit(requests).failures
                    ?? requests.map { _ in ReportError(code: .closed, message: "the publisher is closed") }
            }
            group = made
            return made
        }
    }

    private func commit(_ requests: [PublishRequest]) -> PublishOutcome {
        let outcome = bus.withLock { $0.publish(requests) }
        keeper.take(outcome)
        return outcome
    }

    public func lastPosition(of key: String) async -> SourcePosition? {
        books.journal.lastPosition(of: key).map { SourcePosition(key: key, bytes: $0) }
    }

    /// Sends a beat now: after it has arrived, a consumer knows that it has had everything published before.
    public func beat() {
        bus.withLock { $0.beat() }
    }

    /// Enters into the books what the journal has lost since it was last asked.
    func enterLosses() {
        keeper.enter(books.journal.takeLosses())
    }

    /// Where each lane is.
    var newest: [DiagnosisDataType: LanePosition] {
        bus.withLock { $0.newest }
    }

    /// Sends beats, greets consumers, replays what they ask for, and keeps the books, until the task is cancelled.
    public func run() async throws {
        let replay = try ReplayServer(publisher: self, context: context, logger: logger)
        let bytesPerSecond = configuration.replayBytesPerSecond
        try await withThrowingTaskGroup { group in
            group.addTask { try await replay.run(bytesPerSecond: bytesPerSecond) }
            group.addTask { try await self.runThread("arobust-pub") { try self.tend($0) } }
            group.addTask { try await self.runThread("arobust-keep") { try self.keep($0) } }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Runs work on a thread of its own, with a descriptor that becomes readable when it should end.
    private func runThread(_ name: String, _ work: @escaping @Sendable (Int32) throws -> Void) async throws {
        let stop = try Wakeup()
        try await PinnedThread.run(name: name, onCancel: { stop.signal() }) { try work(stop.descriptor) }
    }

    private func tend(_ stopDescriptor: Int32) throws {
        var poller = Poller()
        _ = poller.add(descriptor: readiness)
        let stop = poller.add(descriptor: stopDescriptor)
        var nextBeat = ContinuousClock.now
        while !poller.isReady(stop) {
            if ContinuousClock.now >= nextBeat {
                bus.withLock { $0.beat() }
                nextBeat = .now + configuration.beatInterval
            } else {
                bus.withLock { $0.greetConsumers() }
            }
            try poller.wait(milliseconds: max(1, Int((nextBeat - .now) / .milliseconds(1))))
        }
        bus.withLock { $0.beat() }
    }

    private func keep(_ stopDescriptor: Int32) throws {
        var poller = Poller()
        let stop = poller.add(descriptor: stopDescriptor)
        while !poller.isReady(stop) {
            try poller.wait(milliseconds: 1000)
            books.note(newest)
            keeper.keep()
        }
        keeper.save()
    }

    /// A server that lets other programs publish through this publisher.
    public func makeIngestServer(node: NodeIdentity, logger: Logger = Logger(label: "arobust.ingest")) throws
        -> IngestServer
    {
        try IngestServer(publisher: self, node: node, context: context, logger: logger)
    }
}

/// How a publisher behaves.
public struct PublisherConfiguration: Sendable {
    /// How many envelopes libzmq may hold for each consumer that doesn't read, for the 15 s until it is taken for gone: the memory is
    /// bounded by this times the largest envelope. What is published beyond, that consumer has to ask for again.
    ///
    /// It can't be changed while a consumer is connected: libzmq's writing end then waits for a sign that the reading end, which
    /// counts by the other mark, never gives (seen with 4.3.4 in both directions).
    public var highWaterMark: Int32 = 256
    /// How long the last envelopes may take to leave when the publisher closes.
    public var linger: Duration = .milliseconds(500)
    /// The time between two beats.
    public var beatInterval: Duration = BeatInterval.standard
    /// How long to wait for another publisher to leave the state directory.
    public var lockPatience: Duration = .seconds(5)
    /// How the journal is kept. Its number of lanes is the publisher's own affair.
    public var journal = JournalConfiguration()
    /// How many bytes a second all replays together may read.
    public var replayBytesPerSecond = 128 << 20

    public init() {}
}
