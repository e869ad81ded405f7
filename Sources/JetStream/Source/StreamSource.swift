package import Diagnosis
internal import LogText
package import Logging
internal import Synchronization
package import SystemSupport

/// A stream of NATS JetStream as the source of a master's envelopes.
///
/// Each node of the stream has a durable consumer; a message is acknowledged once the receiver has finished it, on disk. Several sources
/// with the same master share the nodes by leases (`ShardLeases`), so that a node's messages come to one at a time, in their order. What
/// was under way at one that is gone comes again, to whoever has its lease then.
package final class StreamSource: EnvelopeSource {
    private struct State {
        var book = AcknowledgementBook()
        var readers: [StreamNode: NodeReader] = [:]
        var leases: [Int: Lease] = [:]
        /// Seen once, by a node's last reader.
        var holes: [StreamNode: Set<LaneAssembly.Hole>] = [:]
        var isOver = false
        var received: UInt64 = 0
        var missing: UInt64 = 0
        var foreign: UInt64 = 0
    }

    struct Lease {
        /// The number of its message.
        var sequence: UInt64
        var renewed: ContinuousClock.Instant
        /// It is to be given back once nothing of it is under way.
        var isLeaving = false
    }

    /// How many readers may read more than one message at a time.
    private static let slots = 8
    /// How many messages may be on their way to the receiver. Each that takes long costs the servers a message now and then.
    private static let mostUnderWay = 4096
    /// How often the servers are told that a message is still being worked on.
    private static let heldPause = NodeReader.acknowledgeWait * 2 / 5

    let address: StreamAddress
    let options: JetStreamOptions
    let master: String
    let startsNow: Bool
    let logger: Logger
    let session: StreamSession
    /// Those that share the work, as a word of subjects and consumers' names.
    let group: String
    let owner: String
    private let slots = ReadingSlots(slots)
    private let state = Mutex(State())
    package let workingPart = WorkingPart("the stream's servers")

    /// Connects nowhere before `run`.
    ///
    /// - Parameters:
    ///   - options: with the job, only its nodes are read.
    ///   - master: sources with the same one share the work.
    ///   - owner: names this source among them; the same after a restart, and never another's.
    ///   - startsNow: what is in the stream when the master is met first is left out.
    package init(
        _ address: StreamAddress, options: JetStreamOptions, master: String, owner: String, startsNow: Bool,
        logger: Logger
    ) {
        self.address = address
        self.master = master
        self.owner = owner
        self.startsNow = startsNow
        self.logger = logger
        var options = options
        // Who reads a stream has no business to make it.
        options.stream.isMade = false
        self.options = options
        let job = options.job.isEmpty ? "" : "/" + options.job
        group = "arobust_" + StableHash.hex(of: master + job)
        session = StreamSession(address, options: options, logger: logger)
    }

    package func run(_ receiver: any EnvelopeReceiver) async throws {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.tellHeld() }
            let shares = StreamShares(of: self)
            var (wasWell, hasBegun) = (true, false)
            while !Task.isCancelled, !state.withLock({ $0.isOver }) {
                workingPart.turn()
                do throws(ReportError) {
                    let begun = try await shares.round()
                    if !hasBegun {
                        logger.info(
                            "Reading a stream.", metadata: ["stream": "\(address.stream)", "group": "\(self.group)"])
                    }
                    hasBegun = true
                    for (stream, node) in begun {
                        begin(node, of: stream, for: receiver, startsNow: shares.leavesOutOld, in: &group)
                    }
                    if !wasWell { logger.notice("The stream is read again.") }
                    wasWell = true
                } catch {
                    if wasWell {
                        logger.warning(
                            "The stream cannot be read; trying again.", metadata: ["error": "\(error.message)"])
                    }
                    wasWell = false
                    await session.lose()
                }
                try? await Task.sleep(for: .seconds(1))
            }
            group.cancelAll()
            for reader in state.withLock({ Array($0.readers.values) }) { reader.stop() }
            await shares.leave()
            // Ends what still waits for an answer.
            await session.close()
        }
    }

    package func roomChanged() {}

    package func commit(_ account: ConsumerAccount, to publisher: PublisherID) {
        let finished = state.withLock { state in
            account.lanes.flatMap { lane in
                state.book.finish(Lane(publisher: publisher, dataType: lane.dataType), through: lane.through)
            }
        }
        session.acknowledge(finished, .finished)
    }

    /// What is in the stream stays there: whoever reads next brings it.
    package func waitForRest() async {}

    package var counts: [(name: String, count: UInt64)] {
        state.withLock { [("received", $0.received), ("missing", $0.missing), ("foreign", $0.foreign)] }
    }

    // MARK: readers

    private func begin(
        _ node: StreamNode, of stream: Stream, for receiver: any EnvelopeReceiver, startsNow: Bool,
        in group: inout DiscardingTaskGroup
    ) {
        let owner = NodeReader.Owner(
            isTrusted: { [weak self] in self?.isTrusted(node) ?? false },
            hasRoom: { [weak self] lanes in
                guard let self, self.state.withLock({ $0.book.count }) < Self.mostUnderWay else { return false }
                return lanes.allSatisfy { receiver.room(in: $0) > 0 }
            },
            handOver: { [weak self] in self?.handOver($0, of: $1, to: receiver) },
            start: { receiver.start(of: $0) })
        let holes = state.withLock { $0.holes.removeValue(forKey: node) ?? [] }
        let reader = NodeReader(
            node, group: self.group, believing: holes, owner: owner, slots: slots, logger: logger)
        state.withLock { state in
            state.book.forget(reader.consumer)
            state.readers[node] = reader
        }
        let master = master
        group.addTask { await reader.run(stream, for: master, startsNow: startsNow) }
    }

    private func handOver(_ outcome: PullBook.Outcome, of reader: NodeReader, to receiver: any EnvelopeReceiver) {
        let assembled = reader.assemble(outcome.messages)
        let missing = assembled.items.reduce(UInt64(0)) { sum, item in
            if case .gap(let gap) = item, gap.reason == .upstream { sum + gap.count } else { sum }
        }
        let finished = state.withLock { state in
            state.received += UInt64(outcome.messages.count)
            state.foreign += UInt64(outcome.foreign.count)
            state.missing += missing
            if let hole = assembled.hole { state.holes[reader.node, default: []].insert(hole) }
            return state.book.add(assembled.pending, of: reader.consumer, now: .now)
        }
        if let hole = assembled.hole {
            // Whoever begins again waits until everything that was sent comes again, in its order.
            reader.stop()
            logger.info(
                "Envelopes are missing in a stream; what was sent is asked for once more.",
                metadata: ["node": "\(reader.node.name)", "after": "\(hole.after)", "through": "\(hole.through)"])
        }
        session.acknowledge(finished + assembled.useless + outcome.foreign, .finished)
        guard !assembled.items.isEmpty else { return }
        if !receiver.receive(assembled.items) { state.withLock { $0.isOver = true } }
    }

    /// Tells the servers what takes long, so that they don't send it again.
    private func tellHeld() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            let held = state.withLock { $0.book.held(since: Self.heldPause, now: .now) }
            session.acknowledge(held, .underWay)
        }
    }

    private func isTrusted(_ node: StreamNode) -> Bool {
        let lease = state.withLock { $0.leases[ShardLeases.shard(of: node)] }
        guard let lease, !lease.isLeaving else { return false }
        return lease.renewed.duration(to: .now) < ShardLeases.trust
    }
}

/// What `StreamShares` sees and changes of a source.
extension StreamSource {
    var leases: [Int: Lease] { state.withLock { $0.leases } }

    func setLease(_ shard: Int, _ lease: Lease?) {
        state.withLock { $0.leases[shard] = lease }
    }

    /// Ends the readers of nodes for which this is so.
    func stopReaders(where isToEnd: (StreamNode) -> Bool) {
        let readers = state.withLock { $0.readers.filter { isToEnd($0.key) }.values }
        for reader in readers { reader.stop() }
    }

    /// Forgets the readers that have ended, and what they handed over.
    func removeEnded() {
        state.withLock { state in
            for (node, reader) in state.readers where reader.hasEnded { state.readers[node] = nil }
        }
    }

    func isRead(_ node: StreamNode) -> Bool { state.withLock { $0.readers[node] != nil } }

    /// Whether nothing of a shard is read or under way.
    func isQuiet(_ shard: Int) -> Bool {
        state.withLock { state in
            state.readers.allSatisfy { node, reader in
                ShardLeases.shard(of: node) != shard || reader.hasEnded && !state.book.holds(of: reader.consumer)
            }
        }
    }
}
