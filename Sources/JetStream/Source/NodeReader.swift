internal import Diagnosis
internal import LogText
internal import Logging
internal import Synchronization

/// Reads one node's messages through a consumer of its own, which all readers of the group use in turn, one at a time.
final class NodeReader: Sendable {
    /// What the reader's owner does for it.
    struct Owner: Sendable {
        /// Whether messages may be handed over: the lease still holds.
        var isTrusted: @Sendable () -> Bool
        /// Whether there is room for more of these lanes.
        var hasRoom: @Sendable (Set<Lane>) -> Bool
        var handOver: @Sendable (PullBook.Outcome, NodeReader) -> Void
        /// Where the receiver is in a lane.
        var start: @Sendable (Lane) -> StreamStart?
    }

    private struct State {
        var assembly: LaneAssembly
        var lanes: Set<Lane> = []
        var isStopped = false
        var hasEnded = false
    }

    /// How long a message may be on its way to the master before it is sent again, unless the servers are told that it still is.
    static let acknowledgeWait = Duration.seconds(10)
    /// How many of a node may be on their way.
    private static let mostUnacknowledged = 256
    /// How long one waits for the first message.
    private static let patience = Duration.seconds(5)
    /// How many are asked for at once where there are several.
    private static let several = 128

    let node: StreamNode
    let consumer: String
    private let owner: Owner
    private let slots: ReadingSlots
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameter holes: are believed.
    init(
        _ node: StreamNode, group: String, believing holes: Set<LaneAssembly.Hole>, owner: Owner, slots: ReadingSlots,
        logger: Logger
    ) {
        state = Mutex(State(assembly: LaneAssembly(believing: holes)))
        self.node = node
        self.owner = owner
        self.slots = slots
        consumer = "\(group)_\(StableHash.hex(of: node.name))"
        var logger = logger
        logger[metadataKey: "node"] = "\(node.name)"
        self.logger = logger
    }

    /// Ends the reading: nothing more is handed over.
    func stop() {
        state.withLock { $0.isStopped = true }
    }

    /// Whether it reads no more.
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    private var isStopped: Bool { state.withLock { $0.isStopped } || Task.isCancelled }

    /// Makes of messages what the receiver takes.
    func assemble(_ messages: [StreamMessage]) -> LaneAssembly.Result {
        state.withLock { state in
            state.lanes.formUnion(messages.map(\.lane))
            return state.assembly.add(messages, start: owner.start)
        }
    }

    /// Reads until it is stopped, the task is cancelled or something goes wrong: then somebody must begin again.
    func run(_ stream: Stream, for master: String, startsNow: Bool) async {
        defer { state.withLock { $0.hasEnded = true } }
        do throws(ReportError) {
            try await prepare(StreamConsumers(stream: stream), for: master, startsNow: startsNow)
            while !isStopped {
                guard owner.isTrusted(), owner.hasRoom(state.withLock { $0.lanes }) else {
                    try? await Task.sleep(for: .milliseconds(100))
                    continue
                }
                let first = try await read(stream, count: 1, time: Self.patience)
                guard first > 0 else { continue }
                await slots.take()
                do throws(ReportError) {
                    try await readRest(stream)
                } catch {
                    await slots.giveBack()
                    throw error
                }
                await slots.giveBack()
            }
        } catch {
            guard !isStopped else { return }
            logger.info("A node's messages cannot be read just now.", metadata: ["error": "\(error.message)"])
        }
    }

    private func prepare(
        _ consumers: StreamConsumers, for master: String, startsNow: Bool
    ) async throws(ReportError) {
        guard let info = try await consumers.info(consumer) else {
            return try await consumers.make(
                consumer, of: node, for: master, startsNow: startsNow,
                acknowledgeWait: Self.acknowledgeWait, mostUnacknowledged: Self.mostUnacknowledged)
        }
        // What another reader, or this one before a restart, did not finish comes again after this time, and before what is new.
        guard info.unacknowledged > 0 else { return }
        try? await Task.sleep(for: Self.acknowledgeWait + .milliseconds(500))
    }

    /// Reads what is there already.
    private func readRest(_ stream: Stream) async throws(ReportError) {
        while !isStopped, owner.isTrusted(), owner.hasRoom(state.withLock { $0.lanes }) {
            guard try await read(stream, count: Self.several, time: .zero) > 0 else { return }
        }
    }

    /// - Returns: how many messages came.
    private func read(_ stream: Stream, count: Int, time: Duration) async throws(ReportError) -> Int {
        let outcome = await stream.connection.pull(
            consumer, of: stream.name, count: count, bytes: max(1 << 20, stream.room + (64 << 10)), time: time)
        // What is left here comes again later: then nothing that follows it may come from this reader.
        guard !isStopped, owner.isTrusted() else {
            stop()
            return 0
        }
        owner.handOver(outcome, self)
        // More may be on its way than came, and comes again before anything new only for who waits for it.
        if let problem = outcome.problem { throw ReportError(code: .unavailable, message: problem) }
        return outcome.messages.count + outcome.foreign.count
    }
}

/// How many readers may read more than one message at a time, so that what is read at once is bounded however many nodes there are.
actor ReadingSlots {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) {
        free = count
    }

    func take() async {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func giveBack() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
